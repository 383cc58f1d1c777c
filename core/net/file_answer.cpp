// A file as an answer: whole, or the part that was asked for.
#include <optional>

#include "core/base/text.hpp"
#include "core/net/http.hpp"

namespace skep::net {
namespace {

struct Part {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

std::optional<std::uint64_t> number(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  const auto n = to_int(text);
  return n ? std::optional(static_cast<std::uint64_t>(*n)) : std::nullopt;
}

/// What of `size` bytes the field asks for; an empty part when there is nothing there. Nothing for
/// a field that is to be ignored: several ranges, another unit, nonsense.
std::optional<Part> part_of(std::string_view field, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!field.starts_with(kUnit)) return std::nullopt;
  field = trim(field.substr(kUnit.size()));
  const std::size_t dash = field.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto last = number(field.substr(dash + 1));
  const bool open = dash + 1 == field.size();
  if (!last && !open) return std::nullopt;
  if (dash == 0) {
    if (!last) return std::nullopt;
    const std::uint64_t wanted = std::min(*last, size);
    return Part{size - wanted, wanted};
  }
  const auto first = number(field.substr(0, dash));
  if (!first || (last && *last < *first)) return std::nullopt;
  if (*first >= size) return Part{};
  const std::uint64_t end = open ? size : std::min(*last, size - 1) + 1;
  return Part{*first, end - *first};
}

bool names_tag(std::string_view field, std::string_view tag) {
  for (const std::string& one : split(field, ','))
    if (trim(one) == tag || trim(one) == "*") return true;
  return false;
}

}  // namespace

HttpResponse HttpResponse::of_file(const HttpRequest& request, UniqueFd file, std::uint64_t size,
                                   std::string_view etag, std::string content_type) {
  const std::string tag = '"' + std::string(etag) + '"';
  HttpResponse response;
  response.content_type = std::move(content_type);
  response.headers = {{"ETag", tag}, {"Accept-Ranges", "bytes"}};
  if (names_tag(request.header("if-none-match"), tag)) {
    response.status = 304;
    return response;
  }
  const std::string_view asked = request.header("range");
  const std::string_view only_if = request.header("if-range");
  const bool ranged =
      request.method == "GET" && !asked.empty() && (only_if.empty() || trim(only_if) == tag);
  const auto found = ranged ? part_of(asked, size) : std::nullopt;
  const Part part = found.value_or(Part{0, size});
  const std::string total = "/" + std::to_string(size);
  if (found && part.size == 0) {
    auto refused = problem(
        416, Error{Code::kInvalid,
                   "the range " + std::string(asked) +
                       " begins after the end: " + std::to_string(size) + " bytes are there",
                   "range-not-satisfiable"});
    refused.headers.emplace_back("Content-Range", "bytes *" + total);
    return refused;
  }
  response.file = std::make_unique<FileBody>();
  *response.file = {std::move(file), 0, size};
  if (found) {
    response.status = 206;
    response.file->offset = part.offset;
    response.file->size = part.size;
    response.headers.emplace_back("Content-Range", "bytes " + std::to_string(part.offset) + "-" +
                                                       std::to_string(part.offset + part.size - 1) +
                                                       total);
  }
  return response;
}

}  // namespace skep::net
