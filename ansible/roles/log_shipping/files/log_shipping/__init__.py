"""Ships the host's logs to the log host. What is read is the host's own logs, and a place in them is kept when the
log host has acknowledged all before it: so they are the queue, and nothing is lost by whatever ends in between."""
