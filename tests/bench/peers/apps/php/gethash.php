<?php
// PHP's own bcrypt behind php-fpm.
declare(strict_types=1);

const SETTING_LENGTH = 29; // $2y$, the cost, $, and 22 characters of salt

preg_match('#^/gethash/([^/?]+)/?$#', $_SERVER['REQUEST_URI'], $found) or die(http_response_code(404));
$hash = password_hash(rawurldecode($found[1]), PASSWORD_BCRYPT, ['cost' => (int) getenv('COST')]);
header('Content-Type: application/json');
echo json_encode(['salt' => bin2hex(substr($hash, 0, SETTING_LENGTH)), 'hash' => bin2hex($hash)]);
