//! A task type in safe Rust; `skep_sdk` comes with the SDK.
use skep_sdk::{json, Call, Code, Failure, Task};

struct Greet;

impl Task for Greet {
    const NAME: &'static str = "@NAME@";

    fn create(_config: &str) -> Result<Self, Failure> {
        Ok(Greet)
    }

    fn run(&self, call: &Call, request: &str) -> Result<String, Failure> {
        let name = json::text(request, "/params/name").unwrap_or_else(|| "world".into());
        if name.is_empty() {
            return Err(Failure::new(Code::Invalid, "the name is empty"));
        }
        call.out(format!("hello {name}\n"));
        Ok(format!("{{\"greeting\":{}}}", json::quote(&format!("hello {name}"))))
    }
}

skep_sdk::task_plugin!(Greet);
