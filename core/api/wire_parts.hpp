// What the messages of the worker protocol have in common.
#pragma once

#include <boost/json/object.hpp>
#include <string_view>
#include <vector>

#include "core/base/json.hpp"
#include "core/model/task.hpp"

namespace skep::api {

JsonOut& lease_members(JsonOut& out, const model::Lease& l);
model::Lease lease_of(const json::object& o);

/// What a task wrote, which may be any bytes: "text", where it is no UTF-8 mended with U+FFFD, and
/// then "base64" as well.
JsonOut& output_members(JsonOut& out, std::string_view bytes);
std::string output_of(const json::object& o);

/// The objects of an array member; members of other types are skipped.
std::vector<const json::object*> objects_of(const json::object& o, std::string_view key);

/// A number of another size must not become a smaller one that looks right.
int small_int(const json::object& o, std::string_view key);

}  // namespace skep::api
