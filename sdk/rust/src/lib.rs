//! Task plugins of skep in safe Rust, without dependencies.
//!
//! ```ignore
//! use skep_sdk::{json, Call, Code, Failure, Task};
//!
//! struct Greet;
//! impl Task for Greet {
//!     const NAME: &'static str = "greet";
//!     fn create(_config: &str) -> Result<Self, Failure> { Ok(Greet) }
//!     fn run(&self, call: &Call, request: &str) -> Result<String, Failure> {
//!         let name = json::text(request, "/params/name").unwrap_or_default();
//!         call.out("hello\n");
//!         Ok(format!("{{\"greeted\":{}}}", json::quote(&name)))
//!     }
//! }
//! skep_sdk::task_plugin!(Greet);
//! ```
//!
//! A panic fails the call as `internal` and crosses no boundary. What a plugin owes otherwise is in
//! the SDK's ABI.md.
use std::ffi::{c_char, c_void, CStr};
use std::marker::PhantomData;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

pub mod json;
#[doc(hidden)]
pub mod raw;

/// Why something failed, as in skep/abi/base.h.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    Cancelled = -1,
    Deadline = -2,
    Invalid = -3,
    NotFound = -4,
    Unsupported = -5,
    Busy = -6,
    Unavailable = -7,
    Denied = -8,
    Config = -9,
    State = -10,
    NoMemory = -11,
    Corrupt = -12,
    Internal = -13,
    Failed = -14,
    NotHere = -15,
}

impl Code {
    fn of(rc: i32) -> Code {
        use Code::*;
        const ALL: [Code; 15] = [
            Cancelled, Deadline, Invalid, NotFound, Unsupported, Busy, Unavailable, Denied, Config,
            State, NoMemory, Corrupt, Internal, Failed, NotHere,
        ];
        ALL.into_iter().find(|c| *c as i32 == rc).unwrap_or(Internal)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub code: Code,
    pub message: String,
    /// Of `Busy` and `Unavailable`: the least delay before another try.
    pub retry: Duration,
}

impl Failure {
    pub fn new(code: Code, message: impl Into<String>) -> Failure {
        Failure { code, message: message.into(), retry: Duration::ZERO }
    }
    pub fn retry_after(mut self, retry: Duration) -> Failure {
        self.retry = retry;
        self
    }
}

/// A task type. One instance runs many tasks, several at once on as many threads.
pub trait Task: Send + Sync + Sized + 'static {
    /// The component's name in plugin.json.
    const NAME: &'static str;
    /// `config` is one JSON object, complete and valid against the component's config_schema.
    fn create(config: &str) -> Result<Self, Failure>;
    /// `request` as in skep/kind/task.h, with "params". The result is one JSON document.
    fn run(&self, call: &Call, request: &str) -> Result<String, Failure>;
}

#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Level {
    Debug = 0,
    Info = 1,
    Warn = 2,
    Error = 3,
}

pub struct Response {
    pub status: i32,
    pub body: Vec<u8>,
}

/// One running task. May be used from any thread until `run` returns.
pub struct Call<'a> {
    raw: *mut raw::Call,
    here: PhantomData<&'a ()>,
}
// Every function of the host's table may be called on any thread.
unsafe impl Send for Call<'_> {}
unsafe impl Sync for Call<'_> {}

static HOST: AtomicPtr<raw::Host> = AtomicPtr::new(std::ptr::null_mut());

fn view(s: &str) -> raw::View {
    raw::View::of(s.as_bytes())
}

/// Runs a function of a service with room for its message.
fn checked(f: impl FnOnce(*mut raw::Err) -> i32) -> Result<(), Failure> {
    let mut text = [0u8; 1024];
    let mut err = raw::Err {
        size: std::mem::size_of::<raw::Err>() as u32,
        retry_ms: 0,
        cap: text.len() as u32,
        n: 0,
        text: text.as_mut_ptr(),
    };
    let rc = f(&mut err);
    if rc == raw::OK {
        return Ok(());
    }
    let n = (err.n as usize).min(text.len());
    let message = String::from_utf8_lossy(&text[..n]).into_owned();
    Err(Failure::new(Code::of(rc), message).retry_after(Duration::from_millis(err.retry_ms.into())))
}

unsafe extern "C" fn append(ctx: *mut c_void, bytes: raw::View) -> i32 {
    (*(ctx as *mut Vec<u8>)).extend_from_slice(bytes.bytes());
    raw::OK
}

fn sink(into: &mut Vec<u8>) -> raw::Sink {
    raw::Sink { ctx: into as *mut Vec<u8> as *mut c_void, put: append }
}

/// The table of a service, which lives as long as the host handle does.
fn service<T>(id: &'static [u8]) -> Result<(*const raw::Host, &'static T), Failure> {
    let host = HOST.load(Ordering::Acquire) as *const raw::Host;
    let missing = || {
        let name = String::from_utf8_lossy(&id[..id.len() - 1]).into_owned();
        Failure::new(Code::Unsupported, format!("this host has no service {name}"))
    };
    if host.is_null() || id.last() != Some(&0) {
        return Err(missing());
    }
    // The host handle is valid from open() to close(), and no call runs outside.
    unsafe {
        let table = ((*host).service)(host, id.as_ptr() as *const c_char);
        if table.is_null() || (*(table as *const u32) as usize) < std::mem::size_of::<T>() {
            return Err(missing());
        }
        Ok((host, &*(table as *const T)))
    }
}

impl Call<'_> {
    fn ops(&self) -> &raw::CallOps {
        unsafe { &*(*self.raw).ops }
    }
    fn emit(&self, channel: u32, bytes: &[u8]) -> bool {
        unsafe { (self.ops().emit)(self.raw, channel, raw::View::of(bytes)) == raw::OK }
    }
    /// Output; false once the call is cancelled, the bytes are kept all the same.
    pub fn out(&self, bytes: impl AsRef<[u8]>) -> bool {
        self.emit(1, bytes.as_ref())
    }
    pub fn err(&self, bytes: impl AsRef<[u8]>) -> bool {
        self.emit(2, bytes.as_ref())
    }
    /// In 1/1000.
    pub fn progress(&self, permille: u32, note: &str) {
        unsafe { (self.ops().progress)(self.raw, permille, view(note)) };
    }
    pub fn cancelled(&self) -> bool {
        unsafe { (self.ops().cancelled)(self.raw) != 0 }
    }
    /// CLOCK_MONOTONIC in ns; i64::MAX = no limit.
    pub fn deadline_ns(&self) -> i64 {
        unsafe { (self.ops().deadline_ns)(self.raw) }
    }
    /// Sleeps until then, CLOCK_MONOTONIC in ns, or until it is cancelled: true.
    pub fn wait_until(&self, until_ns: i64) -> bool {
        unsafe { (self.ops().wait)(self.raw, until_ns) != 0 }
    }
    /// Readable once the call is cancelled; -1 = there is none. Not to be read or closed.
    pub fn cancel_fd(&self) -> i32 {
        unsafe { (self.ops().cancel_fd)(self.raw) }
    }
    /// A line in the node's log. `fields` is one JSON object or "".
    pub fn log(&self, level: Level, event: &str, fields: &str) {
        unsafe { (self.ops().log)(self.raw, level as u32, view(event), view(fields)) };
    }
    /// A value that outlives the task; None when there is none. Needs skep.svc.kv/1.
    pub fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, Failure> {
        let (host, kv) = service::<raw::Kv>(b"skep.svc.kv/1\0")?;
        let mut out = Vec::new();
        let to = sink(&mut out);
        match checked(|err| unsafe { (kv.get)(host, self.raw, view(key), &to, err) }) {
            Ok(()) => Ok(Some(out)),
            Err(why) if why.code == Code::NotFound => Ok(None),
            Err(why) => Err(why),
        }
    }
    pub fn kv_put(&self, key: &str, value: &[u8]) -> Result<(), Failure> {
        let (host, kv) = service::<raw::Kv>(b"skep.svc.kv/1\0")?;
        let value = raw::View::of(value);
        checked(|err| unsafe { (kv.put)(host, self.raw, view(key), value, err) })
    }
    pub fn kv_remove(&self, key: &str) -> Result<(), Failure> {
        let (host, kv) = service::<raw::Kv>(b"skep.svc.kv/1\0")?;
        checked(|err| unsafe { (kv.remove)(host, self.raw, view(key), err) })
    }
    /// One exchange; the call's end ends it. `headers`: "Name: value". Needs skep.svc.http/1.
    pub fn http(
        &self,
        method: &str,
        url: &str,
        headers: &[&str],
        body: &[u8],
        timeout: Duration,
    ) -> Result<Response, Failure> {
        let (host, http) = service::<raw::Http>(b"skep.svc.http/1\0")?;
        let lines: Vec<raw::View> = headers.iter().map(|h| view(h)).collect();
        let request = raw::HttpRequest {
            size: std::mem::size_of::<raw::HttpRequest>() as u32,
            header_count: lines.len() as u32,
            method: view(method),
            url: view(url),
            headers: lines.as_ptr(),
            body: raw::View::of(body),
            timeout_ms: timeout.as_millis().min(i64::MAX as u128) as i64,
        };
        let mut out = Response { status: 0, body: Vec::new() };
        let to = sink(&mut out.body);
        let status = &mut out.status as *mut i32;
        checked(|err| unsafe { (http.request)(host, self.raw, &request, status, &to, err) })?;
        Ok(out)
    }
}

/// Writes the message, whole characters, into the caller's buffer, if there is one.
unsafe fn refuse(err: *mut raw::Err, why: &Failure) -> i32 {
    if let Some(err) = err.as_mut() {
        let mut n = why.message.len().min(err.cap as usize);
        while !why.message.is_char_boundary(n) {
            n -= 1;
        }
        std::ptr::copy_nonoverlapping(why.message.as_ptr(), err.text, n);
        err.n = n as u32;
    }
    why.code as i32
}

fn guarded<R>(f: impl FnOnce() -> Result<R, Failure>) -> Result<R, Failure> {
    catch_unwind(AssertUnwindSafe(f))
        .unwrap_or_else(|_| Err(Failure::new(Code::Internal, "the plugin panicked")))
}

unsafe extern "C" fn open(_: *const raw::Plugin, host: *const raw::Host, _: *mut raw::Err) -> i32 {
    HOST.store(host as *mut raw::Host, Ordering::Release);
    raw::OK
}
unsafe extern "C" fn close(_: *const raw::Plugin) {
    HOST.store(std::ptr::null_mut(), Ordering::Release);
}
unsafe fn is_called<T: Task>(component: *const c_char) -> bool {
    CStr::from_ptr(component).to_bytes() == T::NAME.as_bytes()
}
unsafe extern "C" fn create<T: Task>(
    _: *const raw::Plugin,
    component: *const c_char,
    config: raw::View,
    out: *mut *mut c_void,
    err: *mut raw::Err,
) -> i32 {
    if !is_called::<T>(component) {
        return refuse(err, &Failure::new(Code::NotFound, "no such component"));
    }
    match guarded(|| T::create(std::str::from_utf8(config.bytes()).unwrap_or("{}"))) {
        Ok(made) => {
            *out = Box::into_raw(Box::new(made)) as *mut c_void;
            raw::OK
        }
        Err(why) => refuse(err, &why),
    }
}
unsafe extern "C" fn nothing(_: *mut c_void, _: *mut raw::Call, _: *mut raw::Err) -> i32 {
    raw::OK
}
unsafe extern "C" fn destroy<T: Task>(inst: *mut c_void) {
    let made = Box::from_raw(inst as *mut T);
    let _ = catch_unwind(AssertUnwindSafe(|| drop(made)));
}
unsafe extern "C" fn run<T: Task>(inst: *mut c_void, raw: *mut raw::Call, request: raw::View) -> i32 {
    let call = Call { raw, here: PhantomData };
    let task = &*(inst as *const T);
    let request = std::str::from_utf8(request.bytes()).unwrap_or("{}");
    match guarded(|| task.run(&call, request)) {
        Ok(result) => {
            call.emit(3, result.as_bytes());
            raw::OK
        }
        Err(why) => {
            let retry = why.retry.as_millis().min(u32::MAX as u128) as u32;
            (call.ops().fail)(raw, why.code as i32, retry, view(&why.message))
        }
    }
}
unsafe extern "C" fn iface<T: Task>(
    _: *const raw::Plugin,
    component: *const c_char,
    id: *const c_char,
) -> *const c_void {
    if is_called::<T>(component) && CStr::from_ptr(id).to_bytes() == raw::KIND_TASK {
        return &Tables::<T>::TASK as *const raw::TaskTable as *const c_void;
    }
    std::ptr::null()
}

#[doc(hidden)]
pub struct Tables<T>(PhantomData<T>);
impl<T: Task> Tables<T> {
    const TASK: raw::TaskTable = raw::TaskTable { size: 16, flags: 0, run: run::<T> };
    pub const PLUGIN: raw::Plugin = raw::Plugin {
        size: 80,
        abi_minor: 0,
        open,
        close,
        create: create::<T>,
        start: nothing,
        drain: nothing,
        stop: nothing,
        destroy: destroy::<T>,
        iface: iface::<T>,
        user: std::ptr::null_mut(),
    };
}

/// Exports the plugin's entry: once in a library, with the type that implements `Task`.
#[macro_export]
macro_rules! task_plugin {
    ($task:ty) => {
        #[no_mangle]
        pub extern "C" fn skep_plugin_entry_v1() -> *const $crate::raw::Plugin {
            static TABLE: $crate::raw::Plugin = $crate::Tables::<$task>::PLUGIN;
            &TABLE
        }
    };
}
