//! The duration of the long tests, which kill the program or send many requests repeatedly.

/// Whether `cargo xtask soak` runs the tests.
pub fn is_soaking() -> bool {
    std::env::var_os("PPM_EMAIL_TEST_SOAK").is_some()
}

/// Returns how often a test repeats: a few times in the gate, many times in a soak.
pub fn times<T>(in_the_gate: T, in_a_soak: T) -> T {
    if is_soaking() { in_a_soak } else { in_the_gate }
}
