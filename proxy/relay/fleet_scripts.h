/* What runs inside Redis, whole or not at all. Times are Redis' own: relays' clocks
 * need not agree. Private to the fleet. */
#ifndef SIGRELAY_PROXY_RELAY_FLEET_SCRIPTS_H
#define SIGRELAY_PROXY_RELAY_FLEET_SCRIPTS_H

#define SCRIPT_NOW "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000) "

/* KEYS: the relays, then an outage each. ARGV: who looks, ms after which one is gone.
 * -> {relays, now, word or '' …} */
static const char script_look[] =
    SCRIPT_NOW "redis.call('ZADD', KEYS[1], now, ARGV[1]) "
	       "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2]) "
	       "redis.call('PEXPIRE', KEYS[1], 60000) "
	       "local out = {redis.call('ZCARD', KEYS[1]), now} "
	       "for i = 2, #KEYS do out[i + 1] = redis.call('GET', KEYS[i]) or '' end "
	       "return out";

/* KEYS: the outage, the doubt, then the leases, which end with the outage. ARGV: who says so, down or up, the
 * probe interval in ms, in doubt (1) or not (0), ms for which the word stays (a doubt is said again with each
 * look). -> 1: said, 0: a doubt alone */
static const char script_tell[] =
    SCRIPT_NOW "if ARGV[4] == '1' then "
	       "local other = redis.call('GET', KEYS[2]) "
	       "if not other or other == ARGV[1] then "
	       "redis.call('SET', KEYS[2], ARGV[1], 'PX', 2000) return 0 end end "
	       "if ARGV[2] == 'up' then redis.call('DEL', KEYS[2], KEYS[3], KEYS[4]) end "
	       "redis.call('SET', KEYS[1], ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. now, 'PX', ARGV[5]) "
	       "return 1";

/* KEYS: the lease, then another that nobody may have. ARGV: who asks, its length in ms,
 * the longest that one can be: more is left only where Redis' clock was set back, or is
 * another's. -> -1: yours, else ms until the next */
static const char script_lease[] = "for i = #KEYS, 1, -1 do "
				   "local left = redis.call('PTTL', KEYS[i]) "
				   "if left >= 0 and left <= tonumber(ARGV[3]) then return left end end "
				   "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return -1";

/* As policy/bucket.h has it, for all relays together. KEYS: the bucket. ARGV: tokens a
 * second, the burst, how many are wanted, what happened ('', throttled, slowed,
 * recovered). -> {granted, ms until there is one more} */
static const char script_rate[] =
    "local t = redis.call('TIME') local now = t[1] + t[2] / 1000000 "
    "local limit, burst, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) "
    "local h = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'share', 'pace', 'cut') "
    "local tokens, at = tonumber(h[1] or burst), tonumber(h[2] or now) "
    "local share, pace, cut = tonumber(h[3] or 1), h[4] or 'steady', tonumber(h[5] or 0) "
    "local dt = math.max(0, now - at) "
    "if share < 1 then "
    "if pace == 'doubling' then share = share * 2 ^ math.min(dt, 10) "
    "else share = share + dt * (pace == 'rising' and 0.05 or 0.01) end "
    "if share >= 1 then share = 1 pace = 'steady' end end "
    "local room = burst "
    "if pace ~= 'steady' then room = math.min(burst, math.max(1, limit * share)) end "
    "tokens = math.min(room, tokens + dt * limit * share) "
    "if ARGV[4] == 'throttled' then tokens = 0 pace = 'steady' "
    "if now - cut >= 1 then cut = now share = math.max(0.1, share * 0.7) end "
    "elseif ARGV[4] == 'slowed' then tokens = math.min(tokens, 1) pace = 'rising' "
    "share = math.max(0.1, share / 2) "
    "elseif ARGV[4] == 'recovered' then tokens = math.min(tokens, 1) pace = 'doubling' share = 0.1 end "
    "local n = math.min(want, math.floor(tokens + 0.000001)) "
    "if n < 0 then n = 0 end "
    "tokens = tokens - n "
    "redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', string.format('%.6f', now), "
    "'share', tostring(share), 'pace', pace, 'cut', string.format('%.6f', cut)) "
    "redis.call('PEXPIRE', KEYS[1], 120000) "
    "return {n, math.ceil(math.max(0, 1 - tokens) / (limit * share) * 1000)}";

/* KEYS: the create. ARGV: what an entry's key begins with. -> the entry's value or nil */
static const char script_create[] = "local leaf = redis.call('GET', KEYS[1]) "
				    "return leaf and redis.call('GET', ARGV[1] .. leaf)";

#endif
