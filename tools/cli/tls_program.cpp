#include "tls_program.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <system_error>
#include <vector>

#include <unistd.h>

#include <powerconsul/core/text.hpp>

namespace powerconsul::cli {

namespace {

/// The folder that this program was started from; empty if the system does not say.
[[nodiscard]] auto own_folder() -> std::string {
    std::array<char, PATH_MAX> path{};
    const auto size = ::readlink("/proc/self/exe", path.data(), path.size());
    if (size <= 0) return {};
    const std::string whole{path.data(), static_cast<std::size_t>(size)};
    return whole.substr(0, whole.rfind('/'));
}

}  // namespace

auto go_on_with_tls(char* const* arguments, const std::string& folder) -> error {
    std::vector<std::string> folders;
    if (auto own = own_folder(); !own.empty()) folders.push_back(std::move(own));
    if (!folder.empty()) folders.push_back(folder);
    std::string tried;
    for (const auto& each : folders) {
        const std::string program = each + "/powerconsul-https";
        ::execv(program.c_str(), arguments);
        const int why = errno;
        tried += (tried.empty() ? "" : "; ") + quoted(program) + ": " + std::generic_category().message(why);
        if (why != ENOENT) break;
    }
    return {errc::configuration, "an https address needs the program powerconsul-https, which cannot be started (" +
                                     tried + "); install it in the folder of powerconsul"};
}

}  // namespace powerconsul::cli
