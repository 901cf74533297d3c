// Runs a command while N idle processes with command lines of many kinds are there, in a session of their own, and ends
// those, by their pids. Its own end, however it comes, is theirs too.
//
// usage: sleepers N COMMAND...

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr const char* idle_sign = "SLEEPERS_IDLE";  // holds the pid of the one that started them

/// What one of them is.
[[noreturn]] void idle(const char* name, const char* parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const std::string words{name};
    const auto title = words.substr(0, words.find(':'));
    prctl(PR_SET_NAME, title.substr(title.rfind('/') + 1).c_str());
    if (getppid() != std::atoi(parent)) std::exit(0);
    const char ready = '.';
    if (write(3, &ready, 1) != 1) std::exit(1);
    close(3);
    for (;;) pause();
}

[[nodiscard]] auto arguments_of(int number) -> std::vector<std::string> {
    const std::string n = std::to_string(number);
    switch (number % 5) {
        case 0: return {"/usr/sbin/apache" + n, "-k", "start", "-D", "vhost" + n};
        case 1: return {"postgres: worker " + n + " production 10.0.0." + std::to_string(number % 250) + " idle"};
        case 2:
            return {"/usr/bin/java",
                    "-Xmx512m",
                    "-Dname=service-" + n,
                    "-cp",
                    "/srv/app/lib/app.jar:/srv/app/lib/log.jar",
                    "org.example.service.Main",
                    "--port",
                    n};
        case 3: return {"/bin/sh", "/usr/local/bin/job-" + n + ".sh"};
        default: return {"daemon-with-a-long-name-" + n, "--foreground"};
    }
}

[[nodiscard]] auto start_one(int number, int ready, int nothing) -> pid_t {
    auto words = arguments_of(number);
    std::vector<char*> argv;
    for (auto& each : words) argv.push_back(each.data());
    argv.push_back(nullptr);
    std::string sign = std::string{idle_sign} + '=' + std::to_string(getpid());
    char* const environment[] = {sign.data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ready, 3);
    for (const int fd : {0, 1, 2}) posix_spawn_file_actions_adddup2(&actions, nothing, fd);
    pid_t child{};
    const int error = posix_spawn(&child, "/proc/self/exe", &actions, nullptr, argv.data(), environment);
    posix_spawn_file_actions_destroy(&actions);
    return error == 0 ? child : -1;
}

}  // namespace

int main(int argc, char** argv) {
    if (const char* const parent = std::getenv(idle_sign); parent != nullptr) idle(argv[0], parent);
    const int count = argc < 3 ? -1 : std::atoi(argv[1]);
    if (count < 0) {
        std::fputs("usage: sleepers N COMMAND...\n", stderr);
        return 64;
    }
    int ready[2]{};
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (pipe2(ready, O_CLOEXEC) != 0 || nothing < 0) return 1;
    // The keeper of the sleepers leads a session; it ends them when its pipe ends, and with itself.
    int keep[2]{};
    if (pipe2(keep, O_CLOEXEC) != 0) return 1;
    const pid_t keeper = fork();
    if (keeper < 0) return 1;
    if (keeper == 0) {
        setsid();
        close(keep[1]);
        close(ready[0]);
        std::vector<pid_t> all;
        for (int i = 0; i < count; ++i) {
            all.push_back(start_one(i, ready[1], nothing));
            if (all.back() < 0) break;
        }
        close(ready[1]);
        char end{};
        while (read(keep[0], &end, 1) < 0 && errno == EINTR) {
        }
        for (const pid_t each : all) {
            if (each > 0) kill(each, SIGKILL);
        }
        for (const pid_t each : all) {
            if (each > 0) waitpid(each, nullptr, 0);
        }
        _exit(0);
    }
    close(keep[0]);
    close(ready[1]);
    int there = 0;
    char buffer[256];
    while (there < count) {
        const auto got = read(ready[0], buffer, sizeof buffer);
        if (got <= 0) break;
        there += static_cast<int>(got);
    }
    int status = 1;
    if (there < count) {
        std::fprintf(stderr, "sleepers: only %d of %d processes could be started\n", there, count);
    } else {
        pid_t child{};
        if (posix_spawnp(&child, argv[2], nullptr, nullptr, argv + 2, environ) == 0) waitpid(child, &status, 0);
        status = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    }
    close(keep[1]);
    waitpid(keeper, nullptr, 0);
    return status;
}
