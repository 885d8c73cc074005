-- The requests of the benchmark, for wrk.
--
--   wrk … -s load.lua URL -- mix|create FIRST BODY
--
-- mix: GET /api/v1/log and POST /api/v1/index/retrieve in turn; neither is ever
-- answered from memory. create: POST /api/v1/log/entries, every body different:
-- the %s of the template in the file BODY becomes a number from FIRST on.
-- At the end one line: requests, failures, p50 and p99 in microseconds.

local turn, number = 0, 0
local template
local get, retrieve

local function head(method, path, body)
	local h = method .. " " .. path .. " HTTP/1.1\r\nHost: rekor.bench\r\n" ..
		"User-Agent: cosign/v2.6.5 (linux; amd64)\r\nAccept: application/json\r\n" ..
		"Accept-Encoding: gzip\r\n"
	if body then
		h = h .. "Content-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
		return h
	end
	return h .. "\r\n"
end

function init(args)
	get = head("GET", "/api/v1/log")
	retrieve = head("POST", "/api/v1/index/retrieve",
		'{"hash":"sha256:c7c5c1d70c5dec4416ab6158afd0b223ef40c29b1dc1f97ed9428b94d4cadb1c"}')
	if args[1] == "create" then
		number = tonumber(args[2])
		local file = assert(io.open(args[3]))
		template = file:read("*a")
		file:close()
		request = function()
			number = number + 1
			return head("POST", "/api/v1/log/entries", template:format(string.format("%064x", number)))
		end
	else
		request = function()
			turn = 1 - turn
			return turn == 1 and get or retrieve
		end
	end
end

function done(summary, latency)
	local e = summary.errors
	io.write(string.format("RESULT %d %d %d %d\n", summary.requests,
		e.connect + e.read + e.write + e.status + e.timeout,
		latency:percentile(50), latency:percentile(99)))
end
