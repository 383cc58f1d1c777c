// The REST API: one handler per route, one table of all (table.cpp). Handlers parse, call a
// service, encode; they decide nothing.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/net/http.hpp"

namespace skep::control {

class Control;

using net::HttpRequest;
using net::HttpResponse;

std::vector<net::Route> route_table(Control& control);

// tasks.cpp
HttpResponse post_tasks(Control& c, const HttpRequest& r);
HttpResponse list_tasks(Control& c, const HttpRequest& r);
HttpResponse get_task(Control& c, const HttpRequest& r);
HttpResponse get_task_logs(Control& c, const HttpRequest& r);
HttpResponse explain_task(Control& c, const HttpRequest& r);
HttpResponse cancel_task(Control& c, const HttpRequest& r);
HttpResponse retry_task(Control& c, const HttpRequest& r);
HttpResponse list_worker_tasks(Control& c, const HttpRequest& r);

// workers.cpp
HttpResponse register_worker(Control& c, const HttpRequest& r);
HttpResponse heartbeat(Control& c, const HttpRequest& r);
HttpResponse claim(Control& c, const HttpRequest& r);
HttpResponse release(Control& c, const HttpRequest& r);
HttpResponse post_results(Control& c, const HttpRequest& r);
HttpResponse list_workers(Control& c, const HttpRequest& r);
HttpResponse get_worker(Control& c, const HttpRequest& r);
HttpResponse remove_worker(Control& c, const HttpRequest& r);
HttpResponse set_worker_mode(Control& c, const HttpRequest& r, std::string_view mode);

// process.cpp
HttpResponse health(Control& c, const HttpRequest& r);
HttpResponse livez(Control& c, const HttpRequest& r);
HttpResponse metrics(Control& c, const HttpRequest& r);
HttpResponse workers_health(Control& c, const HttpRequest& r);
HttpResponse workers_metrics(Control& c, const HttpRequest& r);
HttpResponse task_types(Control& c, const HttpRequest& r);

// registry.cpp
HttpResponse publish_artifact(Control& c, const HttpRequest& r);
HttpResponse list_artifacts(Control& c, const HttpRequest& r);
HttpResponse get_artifact(Control& c, const HttpRequest& r);
HttpResponse rollback_artifact(Control& c, const HttpRequest& r);
HttpResponse promote_artifact(Control& c, const HttpRequest& r);
HttpResponse withdraw_artifact(Control& c, const HttpRequest& r);
HttpResponse get_blob(Control& c, const HttpRequest& r);
HttpResponse worker_artifacts(Control& c, const HttpRequest& r);

/// The {id} of the path.
inline const std::string& id_of(const HttpRequest& r) { return r.params.at("id"); }

// query.cpp: query parameters, checked.
struct Page {
  std::int64_t after = 0;
  std::uint32_t limit = 50;
};
/// kInvalid names the parameter that is not in `known`, and the nearest.
Status known_query(const HttpRequest& r, std::span<const std::string_view> known);
Result<Page> page_of(const HttpRequest& r);
/// ?wait=30: seconds to hold the request, 0 to 60.
Result<Millis> wait_of(const HttpRequest& r);

}  // namespace skep::control
