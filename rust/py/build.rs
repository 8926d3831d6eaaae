//! Notes how the module is built, for `build_info()`.

fn main() {
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let profile_guided = flags.contains("profile-use");
    println!("cargo:rustc-env=PLUGCHARGE_PROFILE_GUIDED={profile_guided}");
    println!("cargo:rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
}
