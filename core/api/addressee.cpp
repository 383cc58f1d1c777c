#include "core/api/addressee.hpp"

#include <boost/json.hpp>

#include "core/api/members.hpp"

namespace skep::api {

void write_addressee(JsonOut& out, const Addressee& to) {
  out.key("to").object().key("worker_id").str(to.worker_id);
  out.key("incarnation").str(to.incarnation).end_object();
}

Addressee read_addressee(const json::object& answer) {
  const auto* to = answer.if_contains("to");
  if (to == nullptr || !to->is_object()) return {};
  return {get_string(to->get_object(), "worker_id"), get_string(to->get_object(), "incarnation")};
}

std::string addressed_to(const Addressee& to) {
  JsonOut out;
  write_addressee(out.object(), to);
  std::string text = out.end_object().take();
  text.front() = ',';
  text.pop_back();
  return text;
}

Result<Refusal> decode_refusal(std::string_view body) {
  const auto o = parse_object(body, "problem document");
  if (!o) return o.error();
  Refusal r{get_string(*o, "code"), get_string(*o, "detail"), get_string(*o, "next"),
            read_addressee(*o)};
  if (r.code.empty() || get_string(*o, "type") != "/problems/" + r.code)
    return invalid("problem document: it is not one of skep's");
  return r;
}

}  // namespace skep::api
