#include "core/plugin/file_list.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "core/base/file.hpp"

namespace skep::plugin {

Status read_file_list(const std::string& path, std::size_t cap,
                      const std::function<bool(const json::object&)>& take) {
  const auto text = load_file(path, cap);
  if (!text && text.error().code == Code::kNotFound) return {};
  if (!text && text.error().id() == "too-large") return Error{Code::kCorrupt, text.error().message};
  if (!text) return text.error();
  const auto parsed = parse_json(*text);
  const auto* root = parsed ? parsed->if_object() : nullptr;
  const auto* files = root == nullptr ? nullptr : root->if_contains("files");
  const auto* list = files == nullptr ? nullptr : files->if_array();
  const auto is_taken = [&](const json::value& file) {
    const auto* entry = file.if_object();
    return entry != nullptr && take(*entry);
  };
  if (list != nullptr && std::all_of(list->begin(), list->end(), is_taken)) return {};
  return Error{Code::kCorrupt, "it is no list of files"};
}

}  // namespace skep::plugin
