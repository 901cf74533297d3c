// For the static program: these stand in for functions of the C library that load shared libraries when they are
// called. The one that does not would have to find the very version of the C library that it was built with. Each goes
// on in the program that is not static, which then does all anew: nothing was written yet. A command that reads
// standard input or acts goes on in it before it begins, and so do most others, see run(): what is left is rare. Where
// that program is not installed, each fails.

#include <cerrno>
#include <cstdio>
#include <string_view>

#include <dlfcn.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>

#include <powerconsul/adapters/posix/files.hpp>

#include "beside.hpp"

namespace {

using namespace powerconsul;

constexpr int not_here = ELIBACC;  // "Can not access a needed shared library"

/// Returns only where it cannot.
[[nodiscard]] auto go_on() -> int {
    static_cast<void>(cli::go_on_in(cli::program_with_libraries, ""));
    return not_here;
}

template <typename Entry>
[[nodiscard]] auto none(Entry** found) -> int {
    *found = nullptr;
    return go_on();
}

/// Whether a user that /etc/passwd has is looked for nowhere else (nsswitch.conf(5)).
[[nodiscard]] auto files_come_first() -> bool {
    const auto text = posix_files{}.read_named("/etc/nsswitch.conf", std::size_t{64} << 10U);
    if (!text) return false;
    std::string_view all = *text ? std::string_view{(*text)->bytes} : std::string_view{};
    while (!all.empty()) {
        auto line = trimmed(next_part(all, '\n'), " \t");
        if (!line.starts_with("passwd:")) continue;
        line = trimmed(line.substr(7), " \t");
        if (!line.starts_with("files")) return false;
        line.remove_prefix(5);
        const bool ends = line.empty() || line.starts_with(' ') || line.starts_with('\t') || line.starts_with('#');
        return ends && !trimmed(line, " \t").starts_with('[');
    }
    return true;
}

/// ENOENT if there is no such user in it. The C library reads the file, but asks nobody else.
[[nodiscard]] auto in_passwd(uid_t id, passwd* user, char* text, std::size_t size, passwd** found) -> int {
    const owned<std::FILE, std::fclose> file{std::fopen("/etc/passwd", "re")};
    int failed = file ? 0 : ENOENT;
    while (failed == 0) {
        failed = ::fgetpwent_r(file.get(), user, text, size, found);
        if (failed == 0 && user->pw_uid == id) return 0;
    }
    *found = nullptr;
    return failed;
}

}  // namespace

extern "C" {

int getpwnam_r(const char*, passwd*, char*, size_t, passwd** found) {
    return none(found);
}
/// Each run asks for its own user's, if HOME is not set.
int getpwuid_r(uid_t id, passwd* user, char* text, size_t size, passwd** found) {
    if (!files_come_first()) return none(found);
    const int failed = in_passwd(id, user, text, size, found);
    return failed == 0 || failed == ERANGE ? failed : none(found);
}
int getgrnam_r(const char*, group*, char*, size_t, group** found) {
    return none(found);
}
int getgrgid_r(gid_t, group*, char*, size_t, group** found) {
    return none(found);
}
int getgrouplist(const char*, gid_t, gid_t*, int*) {
    return go_on() == 0 ? 0 : -1;
}

int getaddrinfo(const char*, const char*, const addrinfo*, addrinfo**) {
    errno = go_on();
    return EAI_SYSTEM;
}
int getaddrinfo_a(int, gaicb**, int, sigevent*) {
    errno = go_on();
    return EAI_SYSTEM;
}
int gai_error(gaicb*) noexcept {
    return EAI_SYSTEM;
}
int gai_suspend(const gaicb* const*, int, const timespec*) {
    return EAI_ALLDONE;
}
int gai_cancel(gaicb*) noexcept {
    return EAI_ALLDONE;
}
void freeaddrinfo(addrinfo*) noexcept {}
const char* gai_strerror(int) noexcept {
    return "powerconsul-dynamic, which looks up names, cannot be started";
}
int getnameinfo(const sockaddr*, socklen_t, char*, socklen_t, char*, socklen_t, int) {
    return EAI_SYSTEM;
}

void* dlopen(const char*, int) noexcept {
    static_cast<void>(go_on());
    return nullptr;
}
void* dlsym(void*, const char*) noexcept {
    return nullptr;
}
char* dlerror() noexcept {
    static char why[] = "powerconsul-dynamic, which loads libraries, cannot be started";
    return why;
}

}  // extern "C"
