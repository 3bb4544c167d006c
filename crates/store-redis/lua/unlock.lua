-- KEYS: record, lock. ARGV: offset, holder.
free(ARGV[2])
return {"done"}
