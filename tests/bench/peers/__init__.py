"""bcryptd against other ways to serve the same endpoint, see docs/performance.md. Run by
script/bench --peers."""
