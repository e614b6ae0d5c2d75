-- wrk's script. Arguments: METHOD, and the body for POST. Prints what wrk counted as JSON.

function init(arguments)
    wrk.method = arguments[1]
    if arguments[2] then
        wrk.body = arguments[2]
        wrk.headers["Content-Type"] = "application/json"
    end
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"requests": %d, "seconds": %.6f, "bad_status": %d, "broken": %d, "p50_ms": %.3f}\n',
        summary.requests, summary.duration / 1e6, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(50) / 1000))
end
