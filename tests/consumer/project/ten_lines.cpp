// README's ten lines, header-only or over powerconsul-posix.
#include <cstdio>
#include <powerconsul/embedding/posix.hpp>
using namespace powerconsul;

int main() {
    auto agent = make_http_transport({.address = "127.0.0.1:1"});  // {}: this machine's agent
    if (!agent) return 78;
    this_machine here{*std::move(agent)};
    const auto report = checks::run(here, checks::service{.name = "cron"}, "web");
    std::puts(nagios_line(report).c_str());
    return exit_status(report.state);
}
