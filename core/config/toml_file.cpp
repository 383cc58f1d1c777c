// The only file that knows toml++.
#include <fcntl.h>
#include <sys/stat.h>
#include <toml++/toml.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <filesystem>
#include <optional>
#include <sstream>

#include "core/base/error.hpp"
#include "core/base/fd.hpp"
#include "core/base/json.hpp"
#include "core/base/text.hpp"
#include "core/config/layers.hpp"
#include "core/config/toml_document.hpp"

namespace skep::config {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxBytes = 1u << 20;
constexpr std::size_t kMaxDepth = 32;
constexpr int kMaxSalvaged = 16;
/// A line that is longer is not repeated in an error.
constexpr std::size_t kLongestHint = 200;

/// Finds keys of too many parts and values nested too deep before toml++ sees them: it builds a
/// table for each part and destroys them recursively, so "a.a.a..." ends a process.
class DepthScan {
 public:
  /// The line of the first offence, or 0.
  unsigned find(std::string_view text) {
    for (at_ = 0; at_ < text.size(); ++at_) {
      if (!step(text)) return line_;
    }
    return 0;
  }

 private:
  bool step(std::string_view text) {
    const char c = text[at_];
    if (c == '#') return skip_to(text, text.find('\n', at_));
    if (c == '"' || c == '\'') return skip_string(text, c);
    if (c == '\n') ++line_;
    if (c == '.') ++dots_;
    if (c == '[' || c == '{') ++open_;
    if ((c == ']' || c == '}') && open_ > 0) --open_;
    if (c == '\n' || c == '=' || c == ',' || c == '{' || c == '}') dots_ = 0;
    return dots_ <= kMaxDepth && open_ <= kMaxDepth;
  }

  /// Continues after the character before `end`; the end of the text when there is none.
  bool skip_to(std::string_view text, std::size_t end) {
    at_ = (end == std::string_view::npos ? text.size() : end) - 1;
    return true;
  }

  bool skip_string(std::string_view text, char quote) {
    const std::string delimiter(text.substr(at_).starts_with(std::string(3, quote)) ? 3 : 1, quote);
    std::size_t i = at_ + delimiter.size();
    for (; i < text.size() && !text.substr(i).starts_with(delimiter); ++i) {
      if (text[i] == '\n') ++line_;
      if (text[i] == '\n' && delimiter.size() == 1) return skip_to(text, i + 1);
      if (text[i] == '\\' && quote == '"') ++i;
    }
    i += delimiter.size();
    // A multi-line string may end in one or two quotes of its own.
    for (std::size_t own = 0; own < 2 && delimiter.size() == 3 && i < text.size(); ++own, ++i)
      if (text[i] != quote) break;
    return skip_to(text, i);
  }

  std::size_t at_ = 0;
  std::size_t dots_ = 0;
  std::size_t open_ = 0;
  unsigned line_ = 1;
};

template <class T>
std::string printed(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

json::value to_json(const toml::node& node);

json::value to_json(const toml::table& table) {
  json::object out;
  for (const auto& [key, value] : table) out[std::string(key.str())] = to_json(value);
  return out;
}

json::value to_json(const toml::array& array) {
  json::array out;
  for (const toml::node& value : array) out.push_back(to_json(value));
  return out;
}

/// Dates become strings; inf and nan stay, for check_value() and check_member() to refuse.
json::value to_json(const toml::node& node) {
  if (const auto* t = node.as_table()) return to_json(*t);
  if (const auto* a = node.as_array()) return to_json(*a);
  if (const auto* s = node.as_string()) return json::value(s->get());
  if (const auto* i = node.as_integer()) return json::value(i->get());
  if (const auto* b = node.as_boolean()) return json::value(b->get());
  if (const auto* d = node.as_date()) return json::value(printed(d->get()));
  if (const auto* t = node.as_time()) return json::value(printed(t->get()));
  if (const auto* d = node.as_date_time()) return json::value(printed(d->get()));
  return json::value(node.as_floating_point()->get());
}

class Reader {
 public:
  explicit Reader(const std::string& file) : file_(file) {}

  std::vector<Entry> read(const toml::table& root) {
    for (const auto& [key, value] : root) {
      if (const auto* table = value.as_table())
        read_section(std::string(key.str()), key, *table);
      else
        add("", std::string(key.str()), key, to_json(value));
    }
    std::stable_sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
      return std::pair(a.origin.line, a.origin.column) < std::pair(b.origin.line, b.origin.column);
    });
    return std::move(entries_);
  }

 private:
  void read_section(const std::string& section, const toml::key& at, const toml::table& table) {
    add(section, "", at, nullptr);
    for (const auto& [key, value] : table) {
      const auto* inner = value.as_table();
      const bool owns = section == "plugins" || section == "scripts" || section == "secrets";
      if (owns && inner != nullptr)
        read_section(section + "." + std::string(key.str()), key, *inner);
      else
        add(section, std::string(key.str()), key, to_json(value));
    }
  }

  void add(const std::string& section, std::string name, const toml::key& at, json::value value) {
    const auto place = at.source().begin;
    entries_.push_back({section, std::move(name), std::move(value),
                        Origin{Layer::kFile, file_, place.line, place.column}});
  }

  const std::string& file_;
  std::vector<Entry> entries_;
};

std::string other_files(const fs::path& path) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::vector<std::string> names;
  std::error_code ec;  // a folder that cannot be read offers no hint
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec))
    if (it->path().extension() == ".toml") names.push_back(it->path().filename());
  std::sort(names.begin(), names.end());
  if (!names.empty()) return suggestion(path.filename().string(), names);
  return fs::is_directory(folder, ec) ? "the folder has no .toml file"
                                      : "the folder " + folder.string() + " does not exist either";
}

std::string name_of(fs::file_type type) {
  if (type == fs::file_type::fifo) return "a pipe";
  return type == fs::file_type::socket ? "a socket" : "a device";
}

/// A file that everybody may write, or put another one in the place of, says whatever anybody
/// wants: where tokens go, which plugins are loaded. "" when it does not.
std::string why_untrusted(int fd, const std::string& path) {
  struct stat info {};
  if (::fstat(fd, &info) == 0 && (info.st_mode & S_IWOTH) != 0)
    return "may be written by everybody; next: chmod o-w " + path;
  std::error_code ec;  // what was opened has a folder; of one that is gone by now nothing is said
  for (const fs::path& file : {fs::absolute(path, ec), fs::canonical(path, ec)}) {
    const std::string folder = file.parent_path().string();
    const bool open_to_all = ::stat(folder.c_str(), &info) == 0 && (info.st_mode & S_IWOTH) != 0 &&
                             (info.st_mode & S_ISVTX) == 0;
    if (open_to_all) return "lies in a folder that everybody may write; next: chmod o-w " + folder;
  }
  return {};
}

/// "" when the file can be read.
std::string why_unreadable(const std::string& path) {
  if (path.find('\0') != std::string::npos) return "the file name contains a zero byte";
  std::error_code ec;
  const fs::file_type type = fs::status(path, ec).type();
  if (type == fs::file_type::directory)
    return "is a folder; name the TOML file in it, " + other_files(fs::path(path) / "skep.toml");
  // Opening a pipe waits for a writer, and opening a device may do anything.
  if (!ec && type != fs::file_type::regular && type != fs::file_type::not_found)
    return "is no regular file but " + name_of(type) + "; copy the configuration into a file";
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd) return why_untrusted(fd.get(), path);
  const int error_number = errno;
  if (error_number == ENOENT) return "no such file; " + other_files(path);
  return errno_error("cannot be read", error_number).message;
}

/// Where a line of the text begins, and its length.
std::pair<std::size_t, std::size_t> place_of_line(const std::string& text, std::size_t line) {
  std::size_t begin = 0;
  for (; line > 1 && begin < text.size(); --line)
    begin = std::min(text.find('\n', begin), text.size() - 1) + 1;
  return {begin, std::min(text.find('\n', begin), text.size()) - begin};
}

void blank_line(std::string& text, std::size_t line) {
  const auto [begin, size] = place_of_line(text, line);
  text.replace(begin, size, size, ' ');
}

bool is_toml(const std::string& text) {
  try {
    static_cast<void>(toml::parse(text));
    return true;
  } catch (const toml::parse_error&) {
    return false;
  }
}

/// Of a line that is right as soon as its value stands in quotes: how to write it; else "".
std::string quotes_hint(const std::string& text, std::size_t line) {
  const auto [begin, size] = place_of_line(text, line);
  const std::string_view whole = std::string_view(text).substr(begin, size);
  const std::size_t equals = whole.find('=');
  if (equals == whole.npos || size > kLongestHint) return {};
  const std::string_view value = trim(whole.substr(equals + 1, whole.find('#') - equals - 1));
  const auto is_bare = [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("/._~:@-").find(c) != std::string_view::npos;
  };
  if (value.empty() || !std::all_of(value.begin(), value.end(), is_bare)) return {};
  const std::string key(trim(whole.substr(0, equals)));
  const std::string quoted = key + " = \"" + std::string(value) + "\"";
  if (is_toml(std::string(whole)) || !is_toml(quoted)) return {};
  return "; text stands in quotes: " + quoted;
}

/// What is left when each line that is in the way counts as empty, `line` first.
std::optional<toml::table> parse_rest(std::string text, std::size_t line) {
  for (int tries = 0; tries < kMaxSalvaged; ++tries) {
    blank_line(text, line);
    try {
      return toml::parse(text);
    } catch (const toml::parse_error& e) {
      line = e.source().begin.line;
    }
  }
  return std::nullopt;
}

/// A problem, and nothing or what can be salvaged, when the file cannot be read or is no TOML.
std::optional<toml::table> parse_file(const std::string& path, std::vector<Problem>& problems,
                                      bool salvage = false) {
  const auto fail = [&](std::string message, unsigned line = 0, unsigned column = 0) {
    problems.push_back({Origin{Layer::kFile, path, line, column}, std::move(message)});
    return std::nullopt;
  };
  if (std::string why = why_unreadable(path); !why.empty()) return fail(std::move(why));
  const auto text = read_file(path, kMaxBytes);
  if (!text) return fail("cannot be read, or is larger than 1 MiB; a configuration is smaller");
  if (const unsigned line = DepthScan().find(*text); line > 0)
    return fail("nested deeper than " + std::to_string(kMaxDepth) + " levels", line, 1);
  try {
    return toml::parse(*text, path);
  } catch (const toml::parse_error& e) {
    const auto at = e.source().begin;
    fail("not valid TOML: " + std::string(e.description()) + quotes_hint(*text, at.line), at.line,
         at.column);
    return salvage ? parse_rest(*text, at.line) : std::nullopt;
  }
}

}  // namespace

std::vector<Entry> read_toml(const std::string& path, std::vector<Problem>& problems,
                             bool salvage) {
  const auto root = parse_file(path, problems, salvage);
  return root ? Reader(path).read(*root) : std::vector<Entry>{};
}

Result<json::object> read_toml_document(const std::string& path) {
  std::vector<Problem> problems;
  const auto root = parse_file(path, problems);
  if (root) return std::move(to_json(*root).get_object());
  return config_error(to_string(problems[0].origin) + ": " + problems[0].message);
}

}  // namespace skep::config
