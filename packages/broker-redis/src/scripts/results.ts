/** Results: one key each, replaced by compare-and-set on (final, attempt). These scripts are given the records' own keys. */

import { createHash } from "node:crypto";

const WRITE_SOURCE = `-- lovage write-results
if #ARGV ~= 3 * #KEYS then return redis.error_reply('ERR lovage write-results: wrong number of arguments') end
for i = 1, #KEYS do
  local record, ttl, channel = ARGV[3 * i - 2], ARGV[3 * i - 1], ARGV[3 * i]
  local present = redis.call('GETRANGE', KEYS[i], 0, 11)
  local final, attempt = string.match(present, '^(%d)(%d+):')
  if not final or (final == '0' and tonumber(string.match(record, '^%d(%d+):')) >= tonumber(attempt)) then
    redis.call('SET', KEYS[i], record, 'PX', ttl)
    redis.call('PUBLISH', channel, record)
  end
end
return 1
`;

/** KEYS: of the records. ARGV: `record, ms to live, channel` of each; a record begins with `<final><attempt>:`. */
export const WRITE_RESULTS: { readonly name: string; readonly source: string; readonly sha: string } = {
  name: "write-results",
  source: WRITE_SOURCE,
  sha: createHash("sha1").update(WRITE_SOURCE).digest("hex"),
};
