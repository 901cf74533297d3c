// Runs commands in turn, many times, so that what else the machine does meets all of them alike, and prints one row for
// each: `name median_us least_us peak_kib ratio faults`, separated by tabs. The ratio is the median of the turns' own
// ratios to the first command, faults that of the page faults that read nothing from a disk. Started by a small
// process, so that the peak of memory is the command's own.
//
// usage: side_by_side TURNS NAME INPUT COMMAND... [-- NAME INPUT COMMAND...]...
//
// INPUT is the file that becomes standard input; `|FILE` goes there through a pipe. Standard output is thrown away. A
// command that ends with another status than on its first run, or by a signal, is an error.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

struct command {
    std::string name{};
    std::string input{};
    bool piped{};
    std::vector<char*> argv{};  // with a null pointer at the end
    int status{-1};
    long peak{};
    std::vector<double> times{};
    std::vector<double> faults{};
};

[[noreturn]] void give_up(const std::string& why) {
    std::fprintf(stderr, "side_by_side: %s\n", why.c_str());
    std::exit(1);
}

[[nodiscard]] auto now() -> double {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

/// Starts it with that descriptor as standard input.
[[nodiscard]] auto start(char* const* argv, int input, int output) -> pid_t {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, 0);
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    pid_t child{};
    if (posix_spawnp(&child, argv[0], &actions, nullptr, argv, environ) != 0)
        give_up(std::string{"cannot start "} + argv[0]);
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

void run(command& which, int nowhere) {
    int input = open(which.input.c_str(), O_RDONLY | O_CLOEXEC);
    if (input < 0) give_up("cannot open " + which.input);
    pid_t writer{};
    if (which.piped) {
        int ends[2]{};
        if (pipe2(ends, O_CLOEXEC) != 0) give_up("cannot make a pipe");
        char name[] = "cat";
        char* const argv[] = {name, nullptr};
        writer = start(argv, input, ends[1]);
        close(ends[1]);
        close(input);
        input = ends[0];
    }
    const double began = now();
    const pid_t child = start(which.argv.data(), input, nowhere);
    close(input);
    int status{};
    rusage used{};
    if (wait4(child, &status, 0, &used) != child) give_up("cannot wait");
    which.times.push_back(now() - began);
    if (writer != 0) waitpid(writer, nullptr, 0);
    if (!WIFEXITED(status)) give_up(which.name + " was ended by a signal");
    if (which.status == -1) which.status = WEXITSTATUS(status);
    if (which.status != WEXITSTATUS(status)) give_up(which.name + " ends with another status than before");
    which.faults.push_back(static_cast<double>(used.ru_minflt));
    which.peak = std::max(which.peak, used.ru_maxrss);
}

[[nodiscard]] auto median(std::vector<double> of) -> double {
    const auto middle = of.begin() + static_cast<std::ptrdiff_t>(of.size() / 2);
    std::nth_element(of.begin(), middle, of.end());
    return *middle;
}

}  // namespace

int main(int argc, char** argv) {
    const int turns = argc < 5 ? 0 : std::atoi(argv[1]);
    if (turns < 1) give_up("usage: side_by_side TURNS NAME INPUT COMMAND... [-- NAME INPUT COMMAND...]...");
    std::vector<command> commands;
    for (int i = 2; i < argc; ++i) {
        command each;
        each.name = argv[i++];
        if (i < argc) each.input = argv[i++];
        each.piped = each.input.starts_with('|');
        if (each.piped) each.input.erase(0, 1);
        while (i < argc && std::string_view{argv[i]} != "--") each.argv.push_back(argv[i++]);
        if (each.argv.empty()) give_up(each.name + " has no command");
        each.argv.push_back(nullptr);
        commands.push_back(std::move(each));
    }
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    for (auto& each : commands) run(each, nowhere);  // warms what is cached
    for (auto& each : commands) {
        each.times.clear();
        each.faults.clear();
    }
    for (int turn = 0; turn < turns; ++turn) {
        for (auto& each : commands) run(each, nowhere);
    }
    for (const auto& each : commands) {
        std::vector<double> ratios;
        for (std::size_t i = 0; i < each.times.size(); ++i) ratios.push_back(each.times[i] / commands[0].times[i]);
        std::printf("%s\t%.0f\t%.0f\t%ld\t%.3f\t%.0f\n", each.name.c_str(), median(each.times),
                    *std::min_element(each.times.begin(), each.times.end()), each.peak, median(ratios),
                    median(each.faults));
    }
    return 0;
}
