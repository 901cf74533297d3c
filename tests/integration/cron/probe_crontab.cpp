// Prints what the crontab probe sees, as `<observation><TAB><reason>`.
//
// usage: probe_crontab USER [PATTERN]

#include <cstdio>
#include <string>

#include <powerconsul/adapters/posix/accounts.hpp>
#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/probes/crontab.hpp>

using namespace powerconsul;

int main(int count, char** words) {
    if (count != 2 && count != 3) return 64;
    posix_files files;
    posix_accounts accounts;
    const crontab_options options{.user = words[1], .pattern = count == 3 ? words[2] : ""};
    const auto seen = crontab_probe{options, files, accounts}();
    std::printf("%s\t%s\n", std::string{to_string(seen.state)}.c_str(), seen.reason.c_str());
    return 0;
}
