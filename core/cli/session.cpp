#include "core/cli/session.hpp"

#include <istream>
#include <iterator>

#include "core/base/text.hpp"
#include "core/cli/argument_file.hpp"
#include "core/cli/interrupt.hpp"

namespace skep::cli {
namespace {

Result<std::string> read_token(const std::string& path) {
  if (path.empty()) return std::string();
  auto text = read_file(path, 64 << 10);
  if (!text) return Error{Code::kDenied, "token file \"" + path + "\" cannot be read"};
  while (!text->empty() && std::string_view(" \t\r\n").find(text->back()) != std::string_view::npos)
    text->pop_back();
  if (text->empty() || text->find_first_of("\r\n") != std::string::npos)
    return Error{Code::kDenied, "token file \"" + path + "\" does not hold one line"};
  return std::move(*text);
}

}  // namespace

Outcome<Client> Session::connect(const Target& target) {
  auto token = read_token(args.get("token-file", target.token_file));
  if (!token) return token.error();
  // A command with a --timeout of its own means the task's, not the answer's.
  const auto seconds = args.number("timeout", 30);
  if (!seconds) return seconds.error();
  const Millis timeout{static_cast<std::int64_t>(*seconds * 1'000)};
  auto made = Client::make(target, std::move(*token), timeout, transport_, &interrupted());
  if (!made) return made.error();
  return std::move(*made);
}

Outcome<Client*> Session::api() {
  if (client_) return &*client_;
  const auto target = target_of(*this, Reach::kControlPlane);
  if (!target) return target.error();
  auto made = connect(*target);
  if (!made) return made.error();
  client_.emplace(std::move(*made));
  return &*client_;
}

Outcome<Client> Session::node() {
  const auto target = target_of(*this, Reach::kNode);
  if (!target) return target.error();
  return connect(*target);
}

Result<std::string> Session::text_argument(const std::string& argument, std::string_view what) {
  if (argument == "-" || argument == "@-")
    return std::string(std::istreambuf_iterator<char>(input), std::istreambuf_iterator<char>());
  if (!argument.starts_with('@')) return argument;
  auto text = read_argument_file(argument.substr(1));
  if (!text) return text.error().within(what);
  return text;
}

}  // namespace skep::cli
