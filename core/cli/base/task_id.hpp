// Ids of tasks as people type and read them: a beginning will do, and @last is the last one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/cli/base/invocation.hpp"

namespace skep::cli {

/// How many characters of an id tell these tasks apart; at least the time of their creation.
std::size_t id_width(const std::vector<const json::object*>& tasks);

/// The whole id that `word` means: "@last" is what remember_last() kept for this control plane; of
/// a beginning, of 4 characters or more, the control plane is asked, and it must fit one task
/// alone. Other words are ids already.
Expected<std::string> task_id_of(Invocation& call, Client& api, const std::string& word);

/// Keeps `id` as what "@last" means: in the folder of the `skep up` that was asked, else in the
/// user's own state folder, apart for each control plane.
void remember_last(Invocation& call, const Client& api, const std::string& id);

}  // namespace skep::cli
