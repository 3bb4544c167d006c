#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dingtalk_properties::check("open_auth_result", data));
