// Prints what the process probe sees, as `<observation><TAB><reason>`.
//
// usage: probe_process [--name NAME] [--cmdline EXPRESSION] [--user UID] [--count RANGE]

#include <cstdio>
#include <string>
#include <string_view>

#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/probes/process/process.hpp>

using namespace powerconsul;

int main(int count, char** words) {
    process_filter filter;
    result<count_range> range{count_range{}};
    for (int i = 1; i + 1 < count; i += 2) {
        const std::string_view option = words[i];
        const std::string_view value = words[i + 1];
        if (option == "--name") {
            filter.name = value;
        } else if (option == "--cmdline") {
            filter.cmdline = value;
        } else if (option == "--user") {
            filter.user = whole_number<std::uint32_t>(value);
            if (!filter.user) return 64;
        } else if (option == "--count") {
            range = parse_count(value);
        } else {
            return 64;
        }
    }
    if (count % 2 == 0 || !range) return 64;
    posix_files files;
    const auto seen = process_probe{filter, *range, files}();
    std::printf("%s\t%s\n", std::string{to_string(seen.state)}.c_str(), seen.reason.c_str());
    return 0;
}
