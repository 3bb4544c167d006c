#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dingtalk_properties::check("openapi_answer", data));
