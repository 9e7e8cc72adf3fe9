//! Bodies of API requests about customers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kluis_web::fuzz_api_bodies(data));
