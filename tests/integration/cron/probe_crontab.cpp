// Prints what the crontab probe sees, as `<observation><TAB><reason>`.
//
// usage: probe_crontab USER [PATTERN]
//        probe_crontab --system PATTERN

#include <cstdio>
#include <string>

#include <powerconsul/adapters/posix/accounts.hpp>
#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/probes/crontab/crontab.hpp>
#include <powerconsul/probes/crontab/system.hpp>

using namespace powerconsul;

int main(int count, char** words) {
    if (count != 2 && count != 3) return 64;
    posix_files files;
    posix_accounts accounts;
    const std::string pattern = count == 3 ? words[2] : "";
    const auto now = posix_clock{}.wall();
    const crontab_options one{.user = words[1], .pattern = pattern, .now = now};
    const system_crontab_options all{.pattern = pattern, .now = now};
    const auto seen =
        one.user == "--system" ? system_crontab_probe{all, files, accounts}() : crontab_probe{one, files, accounts}();
    std::printf("%s\t%s\n", std::string{to_string(seen.state)}.c_str(), seen.reason.c_str());
    return 0;
}
