// Prints what the service probe sees, as `<observation><TAB><reason>`.
//
// usage: probe_service --service-manager systemd|sysv|openrc|detect [--over bus|systemctl|either] [--milliseconds N]
// [--later SECONDS] NAME
//
// --over: how systemd is asked. "bus" has no systemctl to fall back to. --milliseconds: the time-out, else 30 s.
// --later: how far the probe's clock is ahead.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/adapters/posix/spawn.hpp>
#include <powerconsul/probes/service/service.hpp>
#if WITH_BUS
#include <powerconsul/adapters/systemd_bus.hpp>
#endif

using namespace powerconsul;

namespace {

#if WITH_BUS
using bus = systemd_bus;
#else
using bus = no_unit_source;
#endif

struct clock_ahead {
    milliseconds by{};
    [[nodiscard]] auto monotonic() const -> milliseconds { return posix_clock{}.monotonic(); }
    [[nodiscard]] auto wall() const -> milliseconds { return posix_clock{}.wall(); }
    [[nodiscard]] auto awake() const -> milliseconds { return posix_clock{}.awake() + by; }
};

[[nodiscard]] auto look(service_probe_options options, std::string_view over, clock_ahead clock) -> observed {
    posix_spawn_executor executor;
    posix_files files;
    if (over == "systemctl") return service_probe{options, executor, files, clock}();
    if (over == "bus") options.systemctl = "/nonexistent/systemctl";
    bus units;
    return service_probe{options, executor, files, clock, units}();
}

}  // namespace

int main(int count, char** words) {
    if (count < 2 || count % 2 != 0) return 64;
    std::string_view manager_name;
    std::string_view over = "either";
    clock_ahead clock;
    service_probe_options options{.name = words[count - 1], .timeout = seconds(30)};
    for (int i = 1; i + 1 < count; i += 2) {
        const std::string_view option = words[i];
        if (option == "--service-manager") manager_name = words[i + 1];
        if (option == "--over") over = words[i + 1];
        if (option == "--later") clock.by = seconds(std::atoi(words[i + 1]));
        if (option == "--milliseconds") options.timeout = {std::atoi(words[i + 1])};
    }
    posix_files files;
    const auto manager = manager_name == "detect" ? detect_service_manager(files) : parse_service_manager(manager_name);
    if (!manager) {
        std::fprintf(stderr, "%s\n", manager.error().message.c_str());
        return 64;
    }
    options.manager = *manager;
    const auto seen = look(options, over, clock);
    std::printf("%s\t%s\n", std::string{to_string(seen.state)}.c_str(), seen.reason.c_str());
    return 0;
}
