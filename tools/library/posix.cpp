// The bodies of what embedding/posix.hpp only declares for those who link powerconsul-posix.

#include <powerconsul/adapters/httplib/transport.hpp>
#include <powerconsul/checks/run.hpp>
#include <powerconsul/embedding/posix.hpp>

namespace powerconsul::inline v0 {

auto make_http_transport(const consul_access& access) -> result<any_transport> {
    auto made = httplib_transport::create(access);
    if (!made) return unexpected{std::move(made).error()};
    return any_transport{std::move(*made)};
}

auto web_pages::get(const std::string& origin, const std::string& target, milliseconds timeout) const -> result<int> {
    return httplib_web{}.get(origin, target, timeout);
}

namespace checks {

namespace {

/// The function template of that name, which the ones below would hide.
template <typename Kind>
[[nodiscard]] auto run_kind(this_machine& here, const Kind& what, std::string_view consul_service, run_options&& how)
    -> check_report {
    return run<this_machine, Kind>(here, what, consul_service, std::move(how));
}

}  // namespace

auto run(this_machine& here, const service& what, std::string_view consul_service, run_options how) -> check_report {
    return run_kind(here, what, consul_service, std::move(how));
}
auto run(this_machine& here, const servicegroup& what, std::string_view consul_service, run_options how)
    -> check_report {
    return run_kind(here, what, consul_service, std::move(how));
}
auto run(this_machine& here, const crontab& what, std::string_view consul_service, run_options how) -> check_report {
    return run_kind(here, what, consul_service, std::move(how));
}
auto run(this_machine& here, const process& what, std::string_view consul_service, run_options how) -> check_report {
    return run_kind(here, what, consul_service, std::move(how));
}
auto run(this_machine& here, const tcp& what, std::string_view consul_service, run_options how) -> check_report {
    return run_kind(here, what, consul_service, std::move(how));
}
auto run(this_machine& here, const http& what, std::string_view consul_service, run_options how) -> check_report {
    return run_kind(here, what, consul_service, std::move(how));
}

}  // namespace checks

}  // namespace powerconsul::inline v0
