-- wrk's script. Arguments: STATUS, METHOD, and the body for POST or an empty one. Prints how many answers had that
-- status and how many another one, as JSON. For one thread.
local threads = {}

function setup(thread)
    table.insert(threads, thread)
end

function init(arguments)
    expected = 0
    other = 0
    status = tonumber(arguments[1])
    wrk.method = arguments[2]
    if arguments[3] ~= "" then
        wrk.body = arguments[3]
        wrk.headers["Content-Type"] = "application/json"
    end
end

function response(code)
    if code == status then
        expected = expected + 1
    else
        other = other + 1
    end
end

function done(summary)
    local thread = threads[1]
    io.write(string.format('{"count": %d, "other": %d, "seconds": %.6f}\n',
        thread:get("expected"), thread:get("other"), summary.duration / 1e6))
end
