// skep api
#include "core/cli/api/commands.hpp"
#include "core/base/visible.hpp"

#include <algorithm>
#include <ostream>

#include "core/cli/base/format.hpp"
#include "core/cli/base/invocation.hpp"

namespace skep::cli {
namespace {

/// What does not end in time may be a stream, which has no end.
Failure endless(Failure failure) {
  if (failure.error.code == Code::kDeadline)
    failure.error.next =
        "a longer --timeout, such as 2m\n"
        "of events: skep events -f   or   skep api GET '/api/events?follow=false'";
  return failure;
}

Expected<int> send(Invocation& call) {
  std::string method = call.args.get("METHOD");
  std::transform(method.begin(), method.end(), method.begin(),
                 [](unsigned char ch) { return static_cast<char>(std::toupper(ch)); });
  std::string path = call.args.get("PATH");
  if (path.find_first_of(" \t\r\n") != std::string::npos)
    return Failure(usage_error("path \"" + path + "\" has blanks", "%20 stands for a blank"));
  if (!path.starts_with('/')) path.insert(0, "/");
  auto body = call.text_argument(call.args.get("data"), "-d");
  if (!body) return body.error();
  auto api = call.api();
  if (!api) return api.error();
  const auto answer = (*api)->raw(method, path, std::move(*body));
  if (!answer) return endless(answer.error());
  if (answer->status >= 400) return (*api)->failure_of(*answer);
  call.console.out << (call.console.out_is_tty ? printable(visible_json(answer->body), true)
                                               : answer->body)
                   << (answer->body.empty() || answer->body.ends_with('\n') ? "" : "\n");
  return 0;
}

}  // namespace

std::vector<Command> api_commands() {
  Command c{"api", "send one request to the REST API and print the answer"};
  c.positionals = {
      {"METHOD",
       "GET, POST, PUT, PATCH or DELETE",
       true,
       {"GET", "POST", "PUT", "PATCH", "DELETE", "get", "post", "put", "patch", "delete"}},
      {"PATH", "/api/tasks?status=queued"}};
  c.options = {{"data", 'd', "BODY", "request body, @FILE or -"}};
  c.examples = {"skep api GET /api/workers",
                "skep api POST /api/tasks -d '{\"type\":\"collect_facts\"}'"};
  c.run = send;
  return {std::move(c)};
}

}  // namespace skep::cli
