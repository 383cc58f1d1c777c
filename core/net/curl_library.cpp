#include "core/net/curl_library.hpp"

#include <dlfcn.h>

#include <string>
#include <type_traits>

namespace skep::net {
namespace {

/// The name of the ABI that we are compiled for; each distribution's package has it.
constexpr const char* kFile = "libcurl.so.4";

Error no_curl() {
  const char* why = ::dlerror();
  return Error{Code::kUnsupported,
               std::string("no HTTP without libcurl: ") + (why != nullptr ? why : kFile),
               "no-libcurl", "apt-get install libcurl4"};
}

Result<CurlLibrary> open_library() {
  void* const library = ::dlopen(kFile, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return no_curl();
  CurlLibrary out;
  bool all = true;
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(::dlsym(library, name));
    all = all && function != nullptr;
  };
  decltype(&::curl_global_init) global_init = nullptr;
  find(global_init, "curl_global_init");
  find(out.easy_cleanup, "curl_easy_cleanup");
  find(out.easy_getinfo, "curl_easy_getinfo");
  find(out.easy_init, "curl_easy_init");
  find(out.easy_reset, "curl_easy_reset");
  find(out.easy_setopt, "curl_easy_setopt");
  find(out.easy_strerror, "curl_easy_strerror");
  find(out.multi_add_handle, "curl_multi_add_handle");
  find(out.multi_cleanup, "curl_multi_cleanup");
  find(out.multi_info_read, "curl_multi_info_read");
  find(out.multi_init, "curl_multi_init");
  find(out.multi_perform, "curl_multi_perform");
  find(out.multi_poll, "curl_multi_poll");
  find(out.multi_remove_handle, "curl_multi_remove_handle");
  find(out.multi_setopt, "curl_multi_setopt");
  find(out.slist_append, "curl_slist_append");
  find(out.slist_free_all, "curl_slist_free_all");
  if (!all || global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return no_curl();
  return out;
}

const Result<CurlLibrary>& opened() {
  static const auto* const library = new Result<CurlLibrary>(open_library());
  return *library;
}

}  // namespace

Result<const CurlLibrary*> load_curl() {
  const Result<CurlLibrary>& library = opened();
  if (!library) return library.error();
  return &*library;
}

const CurlLibrary& curl() { return *opened(); }

}  // namespace skep::net
