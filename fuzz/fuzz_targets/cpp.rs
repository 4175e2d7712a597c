//! A file of C++: the analysis ends without a panic, and every place that it names lies in the text.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tplint_fuzz::analysed("a.cpp", bytes));
