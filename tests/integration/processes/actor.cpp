// A process that plays a part: takes a name, a user and threads, says so on standard output and waits for its end.
// Its arguments are there to be seen only; what it does stands in the environment:
//
//     ACTOR_NAME     the name that it takes (the kernel keeps 15 bytes)
//     ACTOR_UID      the user that it becomes
//     ACTOR_THREADS  so many further threads, with other names
//     ACTOR_END      `exit`: it ends at once; `first`: only its first thread ends
//     ACTOR_CHURN    starts processes of this name all the time, each of which ends within milliseconds

#include <cstdlib>
#include <string>

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

auto part(const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

auto wait_aside(void*) -> void* {
    ::prctl(PR_SET_NAME, "aside", 0, 0, 0);
    for (;;) ::pause();
}

void churn(const std::string& name) {
    for (unsigned i = 0;; ++i) {
        const ::pid_t outer = ::fork();
        if (outer == 0) {
            ::prctl(PR_SET_NAME, name.c_str(), 0, 0, 0);
            if (i % 3 == 0 && ::fork() == 0) ::usleep(500);  // its parent may end before it
            ::usleep(i % 7 * 300);
            ::_exit(0);
        }
        if (i % 4 == 3) {
            while (::waitpid(-1, nullptr, 0) > 0) {
            }
        }
        ::usleep(1000);  // leaves the machine to the others
    }
}

}  // namespace

int main() {
    if (const auto name = part("ACTOR_NAME"); !name.empty()) ::prctl(PR_SET_NAME, name.c_str(), 0, 0, 0);
    if (const auto uid = part("ACTOR_UID"); !uid.empty()) {
        const auto id = static_cast<::uid_t>(std::stoul(uid));
        if (::setresuid(id, id, id) != 0) return 1;
    }
    const auto threads = part("ACTOR_THREADS");
    for (int i = threads.empty() ? 0 : std::stoi(threads); i > 0; --i) {
        pthread_t thread;
        if (::pthread_create(&thread, nullptr, wait_aside, nullptr) != 0) return 1;
    }
    // Nobody may be left behind when the test is killed.
    ::prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0);
    if (::write(1, ".", 1) != 1) return 1;
    if (const auto name = part("ACTOR_CHURN"); !name.empty()) churn(name);
    if (part("ACTOR_END") == "exit") return 0;
    // Not pthread_exit, which unwinds with a library that a static build has twice.
    if (part("ACTOR_END") == "first") ::syscall(SYS_exit, 0);
    for (;;) ::pause();
}
