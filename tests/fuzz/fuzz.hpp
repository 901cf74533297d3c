#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

/// What all fuzz targets use. A target is a function that takes any bytes, does with them what the program would do
/// with bytes of that kind, and holds what comes out against properties that are true of all of them. It is run by
/// libFuzzer (engine.cpp, tools/fuzz.sh) and, with what stands in corpus/<target>/, as a plain test (replay.cpp).
namespace fuzz {

struct target {
    std::string_view name{};
    void (*run)(std::string_view bytes){};
};

[[nodiscard]] inline auto targets() -> std::vector<target>& {
    static std::vector<target> all;
    return all;
}

/// `const fuzz::enlisted here{"name", run};` in the file of a target is all that it takes.
struct enlisted {
    enlisted(std::string_view name, void (*run)(std::string_view bytes)) { targets().push_back({name, run}); }
};

/// A property: says what does not hold, with the values that show it, and ends the process.
inline void expect(bool holds, std::string_view what, std::string_view shown = {}, std::string_view beside = {}) {
    if (holds) return;
    std::fprintf(stderr, "broken: %.*s\n", static_cast<int>(what.size()), what.data());
    for (const auto text : {shown, beside}) {
        if (!text.empty()) std::fprintf(stderr, "    <%.*s>\n", static_cast<int>(text.size()), text.data());
    }
    std::abort();
}

/// The parts of an input, which lines of `%%` separate, so that people can write one too. Parts that are not there are
/// empty; what is too many stays with the last.
class parts {
public:
    explicit parts(std::string_view bytes) : rest_{bytes} {}

    [[nodiscard]] auto next() -> std::string_view {
        constexpr std::string_view mark = "%%\n";
        if (rest_.starts_with(mark)) return rest_.remove_prefix(mark.size()), std::string_view{};
        const auto at = rest_.find("\n%%\n");
        const std::string_view part = rest_.substr(0, at);
        rest_.remove_prefix(at == std::string_view::npos ? rest_.size() : at + 1 + mark.size());
        return part;
    }
    [[nodiscard]] auto rest() const -> std::string_view { return rest_; }
    [[nodiscard]] auto more() const -> bool { return !rest_.empty(); }

private:
    std::string_view rest_;
};

/// Small choices, from the bytes of a part; 0 once they are used up.
class choices {
public:
    explicit choices(std::string_view bytes) : rest_{bytes} {}

    /// From 0 to below `count`.
    [[nodiscard]] auto of(unsigned count) -> unsigned {
        if (rest_.empty()) return 0;
        const auto byte = static_cast<unsigned char>(rest_.front());
        rest_.remove_prefix(1);
        // Digits are what they say, so that people can write them.
        return (byte >= '0' && byte <= '9' ? byte - unsigned{'0'} : byte) % count;
    }
    [[nodiscard]] auto yes() -> bool { return of(2) == 1; }
    [[nodiscard]] auto more() const -> bool { return !rest_.empty(); }

private:
    std::string_view rest_;
};

/// What costs much more than all else, such as a real shell, is done for one of so many inputs.
inline unsigned one_in = 1;

[[nodiscard]] inline auto this_one() -> bool {
    static unsigned count = 0;
    return ++count % one_in == 0;
}

/// For messages that stand on one line of a log, and in a check's output.
[[nodiscard]] inline auto is_one_line(std::string_view text) -> bool {
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return false;
    }
    return true;
}

}  // namespace fuzz
