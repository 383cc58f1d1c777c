//! A task type in Rust: `greet` is the plugin, the rest is the way from the C tables to it.
use std::ffi::{c_char, c_void, CStr};
use std::panic::{catch_unwind, AssertUnwindSafe};

mod ffi;
use ffi::*;

fn greet(request: &str) -> Result<String, &'static str> {
    let name = text_member(request, "name").unwrap_or("world");
    if name.is_empty() {
        return Err("the name is empty");
    }
    Ok(format!("{{\"greeting\":\"hello {name}\"}}"))
}

/// The text of a member, still escaped as JSON, which is how it goes out again.
fn text_member<'a>(json: &'a str, member: &str) -> Option<&'a str> {
    let key = format!("\"{member}\":\"");
    let rest = &json[json.find(&key)? + key.len()..];
    let mut escaped = false;
    for (i, c) in rest.char_indices() {
        match c {
            '"' if !escaped => return Some(&rest[..i]),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

unsafe extern "C" fn run(_inst: *mut c_void, call: *mut Call, request: View) -> i32 {
    let ops = &*(*call).ops;
    match catch_unwind(AssertUnwindSafe(|| greet(request.text()))) {
        Ok(Ok(result)) => {
            (ops.emit)(call, CH_RESULT, View::of(&result));
            OK
        }
        Ok(Err(why)) => (ops.fail)(call, E_INVALID, 0, View::of(why)),
        Err(_) => (ops.fail)(call, E_INTERNAL, 0, View::of("the plugin panicked")),
    }
}

unsafe fn is_ours(component: *const c_char) -> bool {
    CStr::from_ptr(component).to_bytes() == b"@NAME@"
}

unsafe extern "C" fn open(_this: *const PluginTable, _host: *const c_void, _err: *mut Err) -> i32 {
    OK
}
unsafe extern "C" fn close(_this: *const PluginTable) {}
unsafe extern "C" fn create(
    _this: *const PluginTable,
    component: *const c_char,
    _config: View,
    out: *mut *mut c_void,
    err: *mut Err,
) -> i32 {
    if !is_ours(component) {
        return refuse(err, E_NOT_FOUND, "no such component");
    }
    static INSTANCE: u8 = 0; // stateless: any address serves as the instance
    *out = &INSTANCE as *const u8 as *mut c_void;
    OK
}
unsafe extern "C" fn start(_inst: *mut c_void, _call: *mut Call, _err: *mut Err) -> i32 {
    OK
}
unsafe extern "C" fn drain(_inst: *mut c_void, _call: *mut Call, _err: *mut Err) -> i32 {
    OK
}
unsafe extern "C" fn stop(_inst: *mut c_void, _call: *mut Call, _err: *mut Err) -> i32 {
    OK
}
unsafe extern "C" fn destroy(_inst: *mut c_void) {}
unsafe extern "C" fn iface(
    _this: *const PluginTable,
    component: *const c_char,
    id: *const c_char,
) -> *const c_void {
    static TASK: TaskTable = TaskTable { size: 16, flags: 0, run };
    if is_ours(component) && CStr::from_ptr(id).to_bytes() == KIND_TASK {
        return &TASK as *const TaskTable as *const c_void;
    }
    std::ptr::null()
}

#[no_mangle]
pub extern "C" fn skep_plugin_entry_v1() -> *const PluginTable {
    static TABLE: PluginTable = PluginTable {
        size: 80,
        abi_minor: 0,
        open,
        close,
        create,
        start,
        drain,
        stop,
        destroy,
        iface,
        user: std::ptr::null_mut(),
    };
    &TABLE
}
