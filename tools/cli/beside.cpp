#include "beside.hpp"

#include <cerrno>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/machine.hpp>
#include <powerconsul/core/text.hpp>

#if !defined(POWERCONSUL_BESIDE_DIR)
#define POWERCONSUL_BESIDE_DIR ""
#endif

namespace powerconsul::cli {

namespace {

char** kept_arguments = nullptr;

/// A program that goes on in itself would do so for ever.
[[nodiscard]] auto is_same_file(const std::string& one, const char* other) -> bool {
    struct stat first {};
    struct stat second {};
    return ::stat(one.c_str(), &first) == 0 && ::stat(other, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

}  // namespace

void keep_arguments(char** arguments) {
    kept_arguments = arguments;
}

auto go_on_in(const char* program, const std::string& what) -> error {
    const std::string own = posix_machine{}.link_target("/proc/self/exe");
    std::string tried;
    for (const auto& folder : {own.substr(0, own.rfind('/')), std::string{POWERCONSUL_BESIDE_DIR}}) {
        if (folder.empty()) continue;
        const std::string path = folder + '/' + program;
        int number = ELOOP;
        if (!is_same_file(path, "/proc/self/exe")) {
            ::execv(path.c_str(), kept_arguments);
            number = errno;
        }
        const auto why = number == ELOOP ? "it is this program itself" : std::generic_category().message(number);
        tried += (tried.empty() ? "" : "; ") + quoted(path) + ": " + why;
        if (number != ENOENT) break;
    }
    return {errc::configuration, what + " needs the program " + program + ", which cannot be started (" + tried +
                                     "); install it in the folder of powerconsul"};
}

}  // namespace powerconsul::cli
