#include "jsontext.h"

#include "hex.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ESCAPE_LENGTH 6 /* \uXXXX */

struct scan {
    const char *text;
    size_t length;
    size_t at;
    char *copy;
    size_t used;
    bool in_string;
    bool string_has_nul; /* \u0000 stands in the current or the last string */
    int depth;
    unsigned members;
    const char *error;
};

static bool fail(struct scan *scan, const char *error) {
    scan->error = error;
    return false;
}

static void copy(struct scan *scan, size_t count) {
    memcpy(scan->copy + scan->used, scan->text + scan->at, count);
    scan->used += count;
    scan->at += count;
}

/* The bytes that may follow the first one of a character: the Unicode Standard, table 3-7. */
static bool is_utf8(const unsigned char *bytes, size_t count) {
    unsigned char least = 0x80;
    unsigned char most = 0xbf;

    if (bytes[0] == 0xe0)
        least = 0xa0;
    else if (bytes[0] == 0xed)
        most = 0x9f;
    else if (bytes[0] == 0xf0)
        least = 0x90;
    else if (bytes[0] == 0xf4)
        most = 0x8f;
    if (bytes[1] < least || bytes[1] > most)
        return false;
    for (size_t i = 2; i < count; i++)
        if (bytes[i] < 0x80 || bytes[i] > 0xbf)
            return false;
    return true;
}

/* A character of more than one byte. */
static bool take_multibyte(struct scan *scan) {
    const unsigned char *bytes = (const unsigned char *)scan->text + scan->at;
    size_t count = 0;

    if (bytes[0] >= 0xc2 && bytes[0] <= 0xdf)
        count = 2;
    else if (bytes[0] >= 0xe0 && bytes[0] <= 0xef)
        count = 3;
    else if (bytes[0] >= 0xf0 && bytes[0] <= 0xf4)
        count = 4;
    if (count == 0 || scan->length - scan->at < count || !is_utf8(bytes, count))
        return fail(scan, "The body is not valid UTF-8.");
    copy(scan, count);
    return true;
}

/* The code unit of a \uXXXX escape offset bytes ahead, or -1 when none is there. */
static long code_unit(const struct scan *scan, size_t offset) {
    const char *escape = scan->text + scan->at + offset;
    long unit = 0;

    if (scan->length - scan->at < offset + ESCAPE_LENGTH || escape[0] != '\\' || escape[1] != 'u')
        return -1;
    for (size_t i = 2; i < ESCAPE_LENGTH; i++) {
        if (hex_value(escape[i]) < 0)
            return -1;
        unit = unit * 16 + hex_value(escape[i]);
    }
    return unit;
}

/* Two escapes that stand for one character above U+FFFF, as that character. */
static bool take_pair(struct scan *scan, long high) {
    const long low = code_unit(scan, ESCAPE_LENGTH);
    uint32_t point;

    if (high > 0xdbff || low < 0xdc00 || low > 0xdfff)
        return fail(scan, "The body has a \\u escape that stands for half a character.");
    point = 0x10000 + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
    scan->copy[scan->used++] = (char)(0xf0 | point >> 18);
    scan->copy[scan->used++] = (char)(0x80 | (point >> 12 & 0x3f));
    scan->copy[scan->used++] = (char)(0x80 | (point >> 6 & 0x3f));
    scan->copy[scan->used++] = (char)(0x80 | (point & 0x3f));
    scan->at += 2 * (size_t)ESCAPE_LENGTH;
    return true;
}

static bool take_escape(struct scan *scan) {
    const long unit = code_unit(scan, 0);

    if (unit >= 0xd800 && unit <= 0xdfff)
        return take_pair(scan, unit);
    if (unit == 0)
        scan->string_has_nul = true;
    /* The character behind a '\' belongs to it, a quote above all. */
    copy(scan, scan->length - scan->at < 2 ? 1 : 2);
    return true;
}

static bool take_in_string(struct scan *scan) {
    const char byte = scan->text[scan->at];

    if ((unsigned char)byte < 0x20)
        return fail(scan, "The body has a control character in a string that is not escaped.");
    if (byte == '\\')
        return take_escape(scan);
    scan->in_string = byte != '"';
    copy(scan, 1);
    return true;
}

static bool take_outside(struct scan *scan) {
    const char byte = scan->text[scan->at];

    if (byte == '\0')
        return fail(scan, "The body has a NUL byte.");
    if (byte == '\'')
        return fail(scan, "The body has a name or string in single quotes.");
    if (byte == '"') {
        scan->in_string = true;
        scan->string_has_nul = false;
    }
    if (byte == '{' || byte == '[')
        scan->depth++;
    if (byte == '}' || byte == ']')
        scan->depth--;
    /* What stands before a colon was a name. */
    if (byte == ':' && scan->string_has_nul)
        return fail(scan, "The body has a field whose name holds a NUL.");
    if (byte == ':' && scan->depth == 1)
        scan->members++;
    copy(scan, 1);
    return true;
}

static bool take(struct scan *scan) {
    if ((unsigned char)scan->text[scan->at] >= 0x80)
        return take_multibyte(scan);
    return scan->in_string ? take_in_string(scan) : take_outside(scan);
}

long jsontext_prepare(const char *text, size_t length, char *ret_text, unsigned *ret_members,
                      const char **ret_error) {
    struct scan scan = {.text = text, .length = length};

    scan.copy = ret_text;
    while (scan.at < length) {
        if (!take(&scan)) {
            *ret_error = scan.error;
            return -1;
        }
    }
    *ret_members = scan.members;
    return (long)scan.used;
}
