//! The tables of skep/abi/base.h, kind/task.h and svc/*.h that this crate uses, as of 1.0.
use std::ffi::{c_char, c_void};

pub const OK: i32 = 0;
pub const KIND_TASK: &[u8] = b"skep.kind.task/1";

/// Borrowed bytes, valid until the function that received them returns.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct View {
    pub p: *const c_void,
    pub n: u64,
}

impl View {
    pub fn of(bytes: &[u8]) -> View {
        View { p: bytes.as_ptr() as *const c_void, n: bytes.len() as u64 }
    }
    /// # Safety
    /// The bytes are there for as long as `'a`.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.n == 0 {
            return &[];
        }
        std::slice::from_raw_parts(self.p as *const u8, self.n as usize)
    }
}

#[repr(C)]
pub struct Err {
    pub size: u32,
    pub retry_ms: u32,
    pub cap: u32,
    pub n: u32,
    pub text: *mut u8,
}

#[repr(C)]
pub struct Sink {
    pub ctx: *mut c_void,
    pub put: unsafe extern "C" fn(*mut c_void, View) -> i32,
}

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
pub struct Host {
    pub size: u32,
    pub abi_minor: u32,
    pub service: unsafe extern "C" fn(*const Host, *const c_char) -> *const c_void,
}

#[repr(C)]
pub struct Kv {
    pub size: u32,
    pub flags: u32,
    pub get: unsafe extern "C" fn(*const Host, *mut Call, View, *const Sink, *mut Err) -> i32,
    pub put: unsafe extern "C" fn(*const Host, *mut Call, View, View, *mut Err) -> i32,
    pub remove: unsafe extern "C" fn(*const Host, *mut Call, View, *mut Err) -> i32,
}

#[repr(C)]
pub struct HttpRequest {
    pub size: u32,
    pub header_count: u32,
    pub method: View,
    pub url: View,
    pub headers: *const View,
    pub body: View,
    pub timeout_ms: i64,
}

#[repr(C)]
pub struct Http {
    pub size: u32,
    pub flags: u32,
    pub request: unsafe extern "C" fn(
        *const Host,
        *mut Call,
        *const HttpRequest,
        *mut i32,
        *const Sink,
        *mut Err,
    ) -> i32,
}

#[repr(C)]
pub struct TaskTable {
    pub size: u32,
    pub flags: u32,
    pub run: unsafe extern "C" fn(*mut c_void, *mut Call, View) -> i32,
}

type Create =
    unsafe extern "C" fn(*const Plugin, *const c_char, View, *mut *mut c_void, *mut Err) -> i32;
type Step = unsafe extern "C" fn(*mut c_void, *mut Call, *mut Err) -> i32;

#[repr(C)]
pub struct Plugin {
    pub size: u32,
    pub abi_minor: u32,
    pub open: unsafe extern "C" fn(*const Plugin, *const Host, *mut Err) -> i32,
    pub close: unsafe extern "C" fn(*const Plugin),
    pub create: Create,
    pub start: Step,
    pub drain: Step,
    pub stop: Step,
    pub destroy: unsafe extern "C" fn(*mut c_void),
    pub iface: unsafe extern "C" fn(*const Plugin, *const c_char, *const c_char) -> *const c_void,
    pub user: *mut c_void,
}
// Nobody writes to it.
unsafe impl Sync for Plugin {}
