#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| zktree_fuzz::images(data));
