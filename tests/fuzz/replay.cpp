#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <dirent.h>
#include <unistd.h>

#include "fuzz.hpp"

// Runs a target over the files of its corpus, and over what becomes of each when it is cut off, damaged, or joined with
// the next one: always the same inputs, so that what breaks once breaks again.
//
//     replay TARGET PATH...       a file, or all files of a directory
//     replay --as-they-are ...    without the damaged ones

extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(void (*)());

namespace {

std::string current;          // the input that is being tried
std::string where;            // what it was made of
std::string_view the_target;  // its name

void say(std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(STDERR_FILENO, text.data(), text.size());
        if (written <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

/// As $'…' of a shell, so that the input can be made again.
void tell_input() {
    say("the input is ");
    say(where);
    say(" of target ");
    say(the_target);
    say(":\nprintf '%b' '");
    for (const char c : current) {
        std::array<char, 8> text{};
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = c >= ' ' && c <= '~' && c != '\'' && c != '\\';
        std::snprintf(text.data(), text.size(), plain ? "%c" : "\\%04o", byte);
        say(text.data());
    }
    say("' >input\n");
}

void on_signal(int number) {
    std::signal(number, SIG_DFL);
    if (number == SIGALRM) say("broken: it takes more than a minute\n");
    tell_input();
    std::raise(number == SIGALRM ? SIGABRT : number);
}

class damages {
public:
    explicit damages(std::string_view name) {
        for (const char c : name) state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    }

    /// The damaged inputs, one behind the other, up to a certain number.
    template <typename Each>
    void of(const std::string& whole, const std::string& other, Each each) {
        const std::size_t size = whole.size();
        for (std::size_t i = 0; i < tries; ++i) {
            const std::size_t at = size <= tries ? i : below(size);
            if (at >= size) break;
            each("cut off", whole.substr(0, at));
            std::string bytes = whole;
            bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
            each("with a bit turned", bytes);
        }
        constexpr std::array<std::string_view, 8> odd{"", "\xFF", "\"", "\n", "\n%%\n", "0", "\xED\xA0\x80", "]"};
        for (std::size_t i = 0; i < tries / 2; ++i) {
            const std::string_view piece = odd[below(odd.size())];
            std::string bytes = whole;
            bytes.insert(below(size + 1), piece.empty() ? std::string_view{"\0", 1} : piece);
            each("with something put in", bytes);
        }
        for (std::size_t i = 0; i < tries / 4; ++i) {
            const std::size_t from = below(size + 1);
            const std::size_t length = below(size - from + 1);
            each("with a piece taken out", std::string{whole}.erase(from, length));
            each("with a piece twice", std::string{whole}.insert(from, whole.substr(from, length)));
        }
        each("joined with another", whole.substr(0, below(size + 1)) + other.substr(below(other.size() + 1)));
    }

private:
    static constexpr std::size_t tries = 8;

    [[nodiscard]] auto below(std::size_t count) -> std::size_t {
        state_ = state_ * 6364136223846793005U + 1442695040888963407U;
        return static_cast<std::size_t>(state_ >> 33U) % count;
    }

    std::uint64_t state_{0xcbf29ce484222325U};
};

auto files_of(const std::string& path) -> std::vector<std::string> {
    std::vector<std::string> found;
    DIR* const directory = ::opendir(path.c_str());
    if (directory == nullptr) return {path};
    while (const dirent* const entry = ::readdir(directory)) {
        if (entry->d_name[0] != '.') found.push_back(path + '/' + entry->d_name);
    }
    ::closedir(directory);
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace

auto main(int count, char** words) -> int {
    std::vector<std::string_view> arguments(words + 1, words + count);
    const bool plain = !arguments.empty() && arguments.front() == "--as-they-are";
    if (plain) arguments.erase(arguments.begin());
    const auto& all = fuzz::targets();
    const auto found = std::find_if(
        all.begin(), all.end(), [&](const auto& each) { return !arguments.empty() && each.name == arguments.front(); });
    if (found == all.end() || arguments.size() < 2) {
        std::fprintf(stderr, "usage: replay [--as-they-are] TARGET PATH...; there are these targets:\n");
        for (const auto& each : all) std::fprintf(stderr, "    %s\n", std::string{each.name}.c_str());
        return 64;
    }
    the_target = found->name;
    for (const int number : {SIGABRT, SIGALRM}) std::signal(number, on_signal);
    if (__sanitizer_set_death_callback != nullptr) {
        __sanitizer_set_death_callback(tell_input);
    } else {
        for (const int number : {SIGSEGV, SIGBUS, SIGFPE}) std::signal(number, on_signal);
    }

    std::vector<std::string> names;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        for (auto& each : files_of(std::string{arguments[i]})) names.push_back(std::move(each));
    }
    std::vector<std::string> inputs;
    for (const auto& each : names) {
        std::ifstream file{each, std::ios::binary};
        if (!file) return std::fprintf(stderr, "replay: cannot read %s\n", each.c_str()), 1;
        inputs.emplace_back(std::istreambuf_iterator<char>{file}, std::istreambuf_iterator<char>{});
    }
    if (inputs.empty()) return std::fprintf(stderr, "replay: there is no file to replay\n"), 1;

    std::size_t tried = 0;
    const auto run = [&](const std::string& name, std::string_view how, const std::string& bytes) {
        current = bytes;
        where.assign(name).append(how.empty() ? "" : " ").append(how);
        ::alarm(60);
        found->run(current);
        ++tried;
    };
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        fuzz::one_in = 1;
        run(names[i], {}, inputs[i]);
        if (plain) continue;
        fuzz::one_in = 16;
        const std::string short_name = names[i].substr(names[i].rfind('/') + 1);
        damages{short_name}.of(inputs[i], inputs[(i + 1) % inputs.size()],
                               [&](std::string_view how, const std::string& bytes) { run(names[i], how, bytes); });
    }
    std::printf("%s: %zu inputs from %zu files\n", std::string{the_target}.c_str(), tried, inputs.size());
    return 0;
}
