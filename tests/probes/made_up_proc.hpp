#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <powerconsul/testing/memory_files.hpp>

/// A /proc in memory. `system` (pid 1), `agent` (100) and `self` (200, below the agent) are there from the start.
struct made_up_proc {
    powerconsul::testing::memory_files files{};

    struct entry {
        std::uint32_t pid{};
        std::uint32_t parent{1};
        std::string_view name{};
        std::string_view arguments{};  ///< with a NUL behind each; none: only what ends and the kernel's have none
        std::uint32_t user{0};
        char state{'S'};
        std::uint64_t start{1000};
        unsigned threads{1};
        bool kernel{};
        std::string_view namespaces{};  ///< its numbers below this one, each after a tab, if it is in a container
    };

    made_up_proc() {
        using namespace std::string_view_literals;
        add({.pid = 1, .parent = 0, .name = "system", .arguments = "/sbin/init\0"sv, .start = 1});
        add({.pid = 100, .name = "agent", .arguments = "/usr/bin/agent\0run\0"sv, .start = 90});
        add({.pid = 200, .parent = 100, .name = "self", .arguments = "self\0look\0"sv, .start = 5000});
        files.put("/proc/self/stat", status({.pid = 200, .parent = 100, .name = "self"}));
        files.put("/proc/self/status", "Name:\tself\nNSpid:\t200\nNSpgid:\t1\n");
        files.put("/proc/self/cmdline", "/usr/bin/self\0look\0"sv);
        files.put("/proc/version", "Linux");
    }

    static auto status(const entry& of) -> std::string {
        return std::to_string(of.pid) + " (" + std::string{of.name} + ") " + of.state + ' ' +
               std::to_string(of.parent) + " 1 1 0 -1 " + (of.kernel ? "2129984" : "4194304") +
               " 5 6 7 8 9 10 11 12 20 0 " + std::to_string(of.threads) + " 0 " + std::to_string(of.start) +
               " 1000 200 18446744073709551615 0 0\n";
    }

    void add(const entry& of) {
        const std::string folder = "/proc/" + std::to_string(of.pid);
        files.put(folder, "", {powerconsul::file_kind::directory, 0555, of.user, of.user, 0, 0});
        files.put(folder + "/stat", status(of));
        files.put(folder + "/comm", std::string{of.name} + '\n');
        files.put(folder + "/cmdline", of.arguments);
        files.put(folder + "/status", "Name:\t" + std::string{of.name} + "\nNSpid:\t" + std::to_string(of.pid) +
                                          std::string{of.namespaces} + "\nNSpgid:\t1\n");
    }

    void remove(std::uint32_t pid) {
        const std::string folder = "/proc/" + std::to_string(pid);
        for (const char* below : {"/stat", "/comm", "/cmdline", "/status", ""}) files.erase(folder + below);
    }
};

/// A daemon `work` that hands over to a new process each time somebody looks: the one that is listed, 301, has ended
/// when its file `gone` is read. After `left` looks it stays, as 302.
struct handing_over {
    std::string_view gone{};  ///< "/stat", "/cmdline" or its folder itself, ""
    int left{};
    int looks{};
    made_up_proc proc{};

    auto status(const std::string& path) { return proc.files.status(path); }
    auto user() -> std::uint32_t { return 0; }
    auto read(const std::string& path, std::size_t limit) { return proc.files.read(path, limit); }
    auto list(const std::string& path, std::size_t limit) {
        using namespace std::string_view_literals;
        ++looks;
        proc.remove(301);
        const bool stays = left-- <= 0;
        proc.add({.pid = stays ? 302U : 301U, .name = "work", .arguments = "work\0on\0"sv, .user = 33});
        auto names = proc.files.list(path, limit);
        if (!stays) proc.files.erase("/proc/301" + std::string{gone});
        return names;
    }
};
