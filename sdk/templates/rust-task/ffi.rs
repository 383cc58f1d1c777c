//! The tables of skep/abi/base.h and skep/kind/task.h that a task needs, written by hand.
use std::ffi::{c_char, c_void};

pub const OK: i32 = 0;
pub const E_INVALID: i32 = -3;
pub const E_NOT_FOUND: i32 = -4;
pub const E_INTERNAL: i32 = -13;
pub const CH_RESULT: u32 = 3;
pub const KIND_TASK: &[u8] = b"skep.kind.task/1";

/// Borrowed bytes, valid until the function that received them returns.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct View {
    p: *const c_void,
    n: u64,
}

impl View {
    pub fn of(text: &str) -> View {
        View { p: text.as_ptr() as *const c_void, n: text.len() as u64 }
    }
    /// The text; "" when it is not UTF-8, which the host never sends.
    ///
    /// # Safety
    /// The view is one that the host handed to the function that runs now.
    pub unsafe fn text<'a>(self) -> &'a str {
        if self.n == 0 {
            return "";
        }
        let bytes = std::slice::from_raw_parts(self.p as *const u8, self.n as usize);
        std::str::from_utf8(bytes).unwrap_or("")
    }
}

#[repr(C)]
pub struct Err {
    size: u32,
    retry_ms: u32,
    cap: u32,
    n: u32,
    text: *mut u8,
}

/// Writes the message into the caller's buffer, if there is one; returns the code.
///
/// # Safety
/// `err` is null or what the host handed to the function that runs now.
pub unsafe fn refuse(err: *mut Err, code: i32, message: &str) -> i32 {
    if let Some(err) = err.as_mut() {
        let n = message.len().min(err.cap as usize);
        std::ptr::copy_nonoverlapping(message.as_ptr(), err.text, n);
        err.n = n as u32;
    }
    code
}

/// One call into the plugin; valid until the function that got it returns.
#[repr(C)]
pub struct Call {
    pub ops: *const CallOps,
}

#[repr(C)]
pub struct CallOps {
    pub size: u32,
    pub flags: u32,
    pub emit: unsafe extern "C" fn(*mut Call, u32, View) -> i32,
    pub progress: unsafe extern "C" fn(*mut Call, u32, View) -> i32,
    pub fail: unsafe extern "C" fn(*mut Call, i32, u32, View) -> i32,
    pub cancelled: unsafe extern "C" fn(*mut Call) -> i32,
    pub deadline_ns: unsafe extern "C" fn(*mut Call) -> i64,
    pub wait: unsafe extern "C" fn(*mut Call, i64) -> i32,
    pub cancel_fd: unsafe extern "C" fn(*mut Call) -> i32,
    pub log: unsafe extern "C" fn(*mut Call, u32, View, View),
}

#[repr(C)]
pub struct TaskTable {
    pub size: u32,
    pub flags: u32,
    pub run: unsafe extern "C" fn(*mut c_void, *mut Call, View) -> i32,
}

#[repr(C)]
pub struct PluginTable {
    pub size: u32,
    pub abi_minor: u32,
    pub open: unsafe extern "C" fn(*const PluginTable, *const c_void, *mut Err) -> i32,
    pub close: unsafe extern "C" fn(*const PluginTable),
    pub create: unsafe extern "C" fn(
        *const PluginTable,
        *const c_char,
        View,
        *mut *mut c_void,
        *mut Err,
    ) -> i32,
    pub start: unsafe extern "C" fn(*mut c_void, *mut Call, *mut Err) -> i32,
    pub drain: unsafe extern "C" fn(*mut c_void, *mut Call, *mut Err) -> i32,
    pub stop: unsafe extern "C" fn(*mut c_void, *mut Call, *mut Err) -> i32,
    pub destroy: unsafe extern "C" fn(*mut c_void),
    pub iface:
        unsafe extern "C" fn(*const PluginTable, *const c_char, *const c_char) -> *const c_void,
    pub user: *mut c_void,
}
// The table is never written to.
unsafe impl Sync for PluginTable {}
