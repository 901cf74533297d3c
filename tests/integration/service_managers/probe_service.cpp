// Prints what the service probe sees, as `<observation><TAB><reason>`.
//
// usage: probe_service --service-manager systemd|sysv|openrc|detect NAME

#include <cstdio>
#include <string>
#include <string_view>

#include <powerconsul/adapters/posix_files.hpp>
#include <powerconsul/adapters/posix_spawn.hpp>
#include <powerconsul/probes/service.hpp>

using namespace powerconsul;

int main(int count, char** words) {
    if (count != 4 || std::string_view{words[1]} != "--service-manager") return 64;
    posix_spawn_executor executor;
    posix_files files;
    const auto manager = std::string_view{words[2]} == "detect" ? detect_service_manager(files)
                                                                 : parse_service_manager(words[2]);
    if (!manager) {
        std::fprintf(stderr, "%s\n", manager.error().message.c_str());
        return 64;
    }
    const service_probe_options options{.name = words[3], .manager = *manager, .timeout = seconds(30)};
    const auto seen = service_probe{options, executor, files}();
    std::printf("%s\t%s\n", std::string{to_string(seen.state)}.c_str(), seen.reason.c_str());
    return 0;
}
