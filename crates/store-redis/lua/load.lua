-- KEYS: record.
local record, _, wrong = stored("record")
return wrong or record
