#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

/// One line of a crontab as Debian's cron reads it.
struct crontab_line {
    std::string_view text{};   ///< whole, without the blanks before it
    std::size_t number{};      ///< from 1
    bool setting{};            ///< such as MAILTO=root; a job otherwise
    bool comes{};              ///< a job with a command and with a time that comes
    std::string_view user{};   ///< of a job in a system crontab
    std::string_view fault{};  ///< in cron's words, as `bad minute`; empty if cron can read the line
};

/// Takes one line after the other off a crontab; comments and blank lines are passed over. Any bytes will do.
///
/// It reads as cron does, character by character: junk after a number is skipped (`03:00` is 3), a NUL byte ends a
/// line, a carriage return is no blank. Source: what `crontab -n` of Debian's cron 3.0pl1-162 says of the same texts.
class crontab_reader {
public:
    static constexpr std::size_t longest_command = 998;  ///< bytes
    static constexpr std::size_t longest_setting = 999;  ///< bytes, what follows is cut off
    static constexpr std::size_t most_lines = 10'000;    ///< of a whole file, comments included

    /// `system`: there is a user in front of each command, as in /etc/crontab and below /etc/cron.d.
    crontab_reader(std::string_view text, bool system) : rest_{text}, system_{system} {}

    /// False at the end of the text. After a line with a fault, the rest means nothing to cron.
    [[nodiscard]] auto next(crontab_line& found) -> bool {
        while (skip_blanks(), !rest_.empty() && (rest_.front() == '\n' || rest_.front() == '#')) {
            (void)next_part(rest_, '\n');
            ++number_;
        }
        if (rest_.empty()) return false;
        const std::string_view start = rest_;
        found = {.number = number_, .setting = is_setting(until("\n").substr(0, longest_setting))};
        if (!found.setting) {
            rest_ = start;
            found.fault = read_job(found);
            if (!found.fault.empty()) (void)next_part(rest_, '\n');
        }
        found.text = start.substr(0, start.size() - rest_.size());
        if (found.text.ends_with('\n')) ++number_;
        if (found.text.ends_with('\n') || found.text.ends_with('\0')) found.text.remove_suffix(1);
        return true;
    }

private:
    struct field {
        std::string_view fault{};
        int low{};
        int high{};
        std::span<const std::string_view> names{};  ///< of low and the numbers after it

        [[nodiscard]] constexpr auto has(int number) const -> bool { return number >= low && number <= high; }
    };

    // --- characters ---

    void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }

    [[nodiscard]] auto take(char wanted) -> bool {
        if (rest_.empty() || rest_.front() != wanted) return false;
        rest_.remove_prefix(1);
        return true;
    }

    /// Takes what stands before one of these bytes or a NUL, and the byte as well.
    auto until(std::string_view ends) -> std::string_view {
        const auto is_end = [&](char c) { return c == '\0' || ends.find(c) != std::string_view::npos; };
        const auto end = static_cast<std::size_t>(algo::find_if(rest_, is_end) - rest_.begin());
        const auto taken = rest_.substr(0, end);
        rest_.remove_prefix(std::min(end + 1, rest_.size()));
        return taken;
    }

    // --- settings ---

    /// `name = value`, either of them in quotes if it pleases; the value must not be empty without quotes.
    [[nodiscard]] static auto is_setting(std::string_view line) -> bool {
        constexpr std::string_view blanks = " \t\r\v\f\n";
        const auto is_quote = [&] { return !line.empty() && (line.front() == '"' || line.front() == '\''); };
        const auto skip = [&] { line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size())); };
        if (is_quote()) {
            const std::size_t end = line.find_first_of(std::string{line.front(), '='}, 1);
            if (end == std::string_view::npos || line[end] == '=') return false;
            line.remove_prefix(end + 1);
        } else {
            line.remove_prefix(std::min(line.find_first_of(" \t\r\v\f\n="), line.size()));
        }
        skip();
        if (!line.starts_with('=')) return false;
        line.remove_prefix(1);
        skip();
        if (!is_quote()) return !line.empty();
        const std::size_t end = line.find(line.front(), 1);
        return end != std::string_view::npos && line.find_first_not_of(blanks, end + 1) == std::string_view::npos;
    }

    // --- jobs ---

    /// The fault, if there is one.
    [[nodiscard]] auto read_job(crontab_line& found) -> std::string_view {
        bool comes = true;
        if (rest_.starts_with('@')) {
            constexpr std::array<std::string_view, 8> known{"@reboot", "@yearly", "@annually", "@monthly",
                                                            "@weekly", "@daily",  "@midnight", "@hourly"};
            const std::string_view name = rest_.substr(0, rest_.find_first_of(std::string_view{" \t\n\0", 4}));
            if (!is_one_of(name, known)) return "bad time specifier";
            rest_.remove_prefix(name.size());
            skip_blanks();
        } else if (const auto fault = read_time(comes); !fault.empty()) {
            return fault;
        }
        if (rest_.starts_with('*')) return "bad command";  // a sixth field
        if (system_) {
            skip_blanks();
            found.user = rest_.substr(0, rest_.find_first_of(std::string_view{" \t\n\0", 4}));
            rest_.remove_prefix(found.user.size());
            if (rest_.empty() || rest_.front() == '\n') return "bad username";
            rest_.remove_prefix(1);
        }
        const std::string_view command = until("\n");
        if (command.size() > longest_command) return "command too long";
        found.comes = comes && !trimmed(command).empty();
        return {};
    }

    [[nodiscard]] auto read_time(bool& comes) -> std::string_view {
        static constexpr std::array<std::string_view, 12> months{"jan", "feb", "mar", "apr", "may", "jun",
                                                                 "jul", "aug", "sep", "oct", "nov", "dec"};
        static constexpr std::array<std::string_view, 8> days{"sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun"};
        static constexpr std::array<field, 5> fields{
            field{"bad minute", 0, 59}, field{"bad hour", 0, 23}, field{"bad day-of-month", 1, 31},
            field{"bad month", 1, 12, months}, field{"bad day-of-week", 0, 7, days}};
        std::array<bool, 5> any{};
        std::array<bool, 5> star{};
        for (std::size_t i = 0; i < fields.size(); ++i) {
            star[i] = rest_.starts_with('*');
            do {
                if (!read_range(fields[i], any[i])) return fields[i].fault;
            } while (take(','));
            rest_.remove_prefix(std::min(rest_.find_first_of(" \t\n"), rest_.size()));
            skip_blanks();
        }
        // With a day of the month and one of the week, either will do; if one of them is a star, both have to come.
        const bool day = star[2] || star[4] ? any[2] && any[4] : any[2] || any[4];
        comes = any[0] && any[1] && any[3] && day;
        return {};
    }

    [[nodiscard]] auto read_range(const field& of, bool& any) -> bool {
        int first = of.low;
        int last = of.high;
        int step = 1;
        if (!take('*')) {
            if (!read_number(of, first)) return false;
            last = first;
            if (!take('-')) {
                // Cron takes a step only after a range.
                any = true;
                return of.has(first) && !rest_.starts_with('/');
            }
            if (!read_number(of, last)) return false;
        }
        if (take('/') && (!read_number({}, step) || step <= 0)) return false;
        any = any || first <= last;
        return of.has(first) && of.has(last);
    }

    [[nodiscard]] auto read_number(const field& of, int& number) -> bool {
        const auto end = algo::find_if_not(rest_, ascii::is_alphanumeric);
        const auto word = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
        rest_.remove_prefix(word.size());
        const auto name = algo::find_if(of.names, [&](auto each) { return ascii::equal_ignoring_case(each, word); });
        if (name != of.names.end()) {
            number = of.low + static_cast<int>(name - of.names.begin());
            return true;
        }
        if (word.empty() || !algo::all_of(word, ascii::is_digit)) return false;
        std::uint32_t value = 0;  // wraps round, as in cron
        for (const char digit : word) value = value * 10 + static_cast<std::uint32_t>(digit - '0');
        number = static_cast<int>(value);
        return true;
    }

    std::string_view rest_;
    bool system_;
    std::size_t number_{1};
};

}  // namespace powerconsul::inline v0
