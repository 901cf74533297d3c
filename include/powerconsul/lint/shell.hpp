#pragma once

#include <array>
#include <set>

#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

/// A word as a shell reads it.
struct shell_word {
    std::string text{};    ///< without its quotes; what it expands is left as it stands
    std::size_t offset{};  ///< byte at which it starts
    bool literal{true};    ///< nothing in it is expanded, but perhaps a pattern of file names
    bool plain{true};      ///< nothing in it is quoted, expanded or a pattern
};

/// A simple command: a name and arguments, without assignments and redirections.
struct shell_command {
    std::vector<shell_word> words{};      ///< empty if it only assigns or redirects
    std::vector<std::string> assigned{};  ///< the names before `=`
    bool certain{};     ///< it runs whenever the text does: it stands in no condition, branch, loop or function, and
                        ///< nothing before it decides whether it runs
    bool redirected{};  ///< its standard output goes elsewhere

    [[nodiscard]] auto name() const -> std::string_view {
        return words.empty() || !words.front().literal ? std::string_view{} : words.front().text;
    }
};

/// What is started with `&`.
struct shell_background {
    std::size_t command{};  ///< index of the last of its commands
    bool redirected{};      ///< its standard output goes elsewhere, or through a pipe
};

/// A text for a shell, taken apart without running it.
struct shell_text {
    std::vector<shell_command> commands{};  ///< in their order, those within `$(…)` and functions as well
    std::vector<shell_background> background{};
    std::set<std::string, std::less<>> functions{};
    bool understood{};  ///< if not, the rest may be wrong
};

namespace detail {

/// A reader of the POSIX Shell Command Language (2.10 Shell Grammar) and of bash's commonest additions. It stops at
/// what it does not know.
class shell_reader {
public:
    explicit shell_reader(std::string_view text, std::size_t depth = 0) : text_{text}, depth_{depth} {}

    [[nodiscard]] auto read() -> shell_text {
        list();
        read_.understood = !failed_ && at_ == text_.size();
        return std::move(read_);
    }

private:
    static constexpr std::size_t deepest = 40;
    static constexpr std::string_view blanks = " \t";
    static constexpr std::string_view ends_word = " \t\n;&|()<>";

    // --- characters ---

    [[nodiscard]] auto rest() const -> std::string_view { return text_.substr(at_); }
    [[nodiscard]] auto is_at(std::string_view what) const -> bool { return rest().starts_with(what); }
    [[nodiscard]] auto at_end() const -> bool { return failed_ || at_ >= text_.size(); }
    void fail_here() {
        failed_ = true;
        at_ = text_.size();
    }
    [[nodiscard]] auto take(std::string_view what) -> bool {
        if (!is_at(what)) return false;
        at_ += what.size();
        return true;
    }

    /// Passes over blanks, escaped ends of lines and a comment.
    void skip_blanks() {
        for (;;) {
            at_ = std::min(text_.find_first_not_of(blanks, at_), text_.size());
            if (take("\\\n")) continue;
            if (is_at("#")) at_ = std::min(text_.find('\n', at_), text_.size());
            return;
        }
    }

    /// Passes over an end of line and the here-documents that begin behind it.
    void newline() {
        ++at_;
        for (const auto& [delimiter, tabs] : std::exchange(documents_, {})) {
            while (!at_end()) {
                std::string_view behind = rest();
                std::string_view line = next_part(behind, '\n');
                at_ = text_.size() - behind.size();
                if (tabs) line.remove_prefix(std::min(line.find_first_not_of('\t'), line.size()));
                if (line == delimiter) break;
            }
        }
    }
    void skip_lines() {
        for (skip_blanks(); is_at("\n"); skip_blanks()) newline();
    }

    /// The next word as it stands, if nothing in it is quoted or expanded: reserved words are such.
    [[nodiscard]] auto plain_word() const -> std::string_view {
        const std::string_view word = rest().substr(0, rest().find_first_of(ends_word));
        return word.find_first_of("\"'`$\\") == std::string_view::npos ? word : std::string_view{};
    }
    [[nodiscard]] auto take_word(std::string_view word) -> bool {
        if (plain_word() != word) return false;
        at_ += word.size();
        return true;
    }
    void expect_word(std::string_view word) {
        skip_lines();
        if (!take_word(word)) fail_here();
    }

    // --- words ---

    /// Passes over what begins with `$` or a backquote, and reads the commands within.
    void expansion(shell_word& to) {
        const std::size_t from = at_;
        if (is_at("`")) {
            std::size_t end = at_ + 1;
            while (end < text_.size() && text_[end] != '`') end += text_[end] == '\\' ? 2 : 1;
            if (end >= text_.size()) return fail_here();
            const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
            // What backslashes change is not looked at.
            if (inside.find('\\') == std::string_view::npos) within(inside, at_ + 1);
            at_ = end + 1;
        } else if (take("$((")) {
            shell_word inside;
            for (std::size_t open = 2; open != 0;) {
                if (at_end()) return fail_here();
                open += is_at("(") ? 1U : 0U;
                open -= is_at(")") ? 1U : 0U;
                part(inside, false);
            }
        } else if (take("$(")) {
            nested([&] { list(); });
            if (!take(")")) fail_here();
        } else if (take("${")) {
            braces();
        } else if (take("$'")) {
            while (!at_end() && !is_at("'")) at_ += is_at("\\") ? 2 : 1;
            if (!take("'")) fail_here();
        } else {
            ++at_;  // a variable's name is taken with what follows
            const bool name = !at_end() && (ascii::is_alphanumeric(text_[at_]) ||
                                            std::string_view{"_@*#?-$!"}.find(text_[at_]) != std::string_view::npos);
            if (name) ++at_;
            if (!name) {
                to.text += '$';
                return;
            }
        }
        to.literal = to.plain = false;
        if (!failed_) to.text += text_.substr(from, at_ - from);
    }

    /// Passes over what follows `${`.
    void braces() {
        shell_word inside;
        while (!at_end() && !is_at("}")) part(inside, false);
        if (!take("}")) fail_here();
    }

    /// Reads the next part of a word: something quoted or expanded, or a character.
    void part(shell_word& to, bool within_quotes) {
        const char c = text_[at_];
        if (c == '$' || c == '`') {
            nested([&] { expansion(to); });
        } else if (c == '\\') {
            const std::string_view kept = within_quotes ? "$`\"\\\n" : std::string_view{};
            if (at_ + 1 >= text_.size()) return fail_here();
            const char next = text_[at_ + 1];
            at_ += 2;
            to.plain = false;
            if (within_quotes && kept.find(next) == std::string_view::npos) to.text += c;
            if (next != '\n') to.text += next;
        } else if (c == '\'' && !within_quotes) {
            const std::size_t end = text_.find('\'', at_ + 1);
            if (end == std::string_view::npos) return fail_here();
            to.text += text_.substr(at_ + 1, end - at_ - 1);
            to.plain = false;
            at_ = end + 1;
        } else if (c == '"' && !within_quotes) {
            ++at_;
            to.plain = false;
            while (!at_end() && !is_at("\"")) part(to, true);
            if (!take("\"")) fail_here();
        } else {
            if (!within_quotes && std::string_view{"*?[{~"}.find(c) != std::string_view::npos) to.plain = false;
            to.text += c;
            ++at_;
        }
    }

    [[nodiscard]] auto word() -> shell_word {
        shell_word read{.offset = at_};
        if (is_at("<(") || is_at(">(")) {
            at_ += 2;
            nested([&] { list(); });
            if (!take(")")) fail_here();
            read.literal = read.plain = false;
            return read;
        }
        while (!at_end() && ends_word.find(text_[at_]) == std::string_view::npos) part(read, false);
        if (at_ == read.offset) fail_here();
        return read;
    }

    /// Reads what may or may not run, at a greater depth.
    template <typename Read>
    void nested(Read read) {
        if (++depth_ > deepest) return fail_here();
        ++doubtful_;
        read();
        --doubtful_;
        --depth_;
    }

    /// Reads a text that stands within this one.
    void within(std::string_view inside, std::size_t offset) {
        if (depth_ > deepest) return fail_here();
        auto inner = shell_reader{inside, depth_ + 1}.read();
        if (!inner.understood) return fail_here();
        const std::size_t before = read_.commands.size();
        for (auto& each : inner.commands) {
            for (auto& one : each.words) one.offset += offset;
            each.certain = false;
            read_.commands.push_back(std::move(each));
        }
        for (const auto& each : inner.background) {
            read_.background.push_back({each.command + before, each.redirected});
        }
        read_.functions.merge(inner.functions);
    }

    // --- commands ---

    /// Reads lists up to the end, or to what ends the command around them.
    void list() {
        constexpr std::array<std::string_view, 8> closing{"then", "else", "elif", "fi", "do", "done", "esac", "}"};
        for (;;) {
            skip_lines();
            if (at_end() || is_at(")") || is_at(";;") || is_at(";&") || is_one_of(plain_word(), closing)) return;
            and_or();
            skip_blanks();
            if (at_end() || is_at(")") || is_at(";;") || is_at(";&") || is_at("\n")) continue;
            if (!take(";") && !take("&") && !is_one_of(plain_word(), closing)) return fail_here();
        }
    }

    /// Reads pipelines joined by `&&` and `||`, and marks them if they run in the background.
    void and_or() {
        const std::size_t first = read_.commands.size();
        bool doubt = false;
        bool either = false;
        for (;;) {
            const std::size_t begin = read_.commands.size();
            doubtful_ += doubt ? 1U : 0U;
            pipeline();
            doubtful_ -= doubt ? 1U : 0U;
            skip_blanks();
            if (at_end()) break;
            if (take("||")) {
                const auto end = either ? first : read_.commands.size();
                for (std::size_t i = first; i < end; ++i) read_.commands[i].certain = false;
                doubt = either = true;
            } else if (take("&&")) {
                for (std::size_t i = begin; i < read_.commands.size(); ++i) {
                    doubt = doubt || !is_one_of(read_.commands[i].name(),
                                                {"cd", "echo", "printf", "sleep", "umask", "export", "true", ":"});
                }
            } else {
                break;
            }
            skip_lines();
        }
        for (std::size_t i = first; i < read_.commands.size(); ++i) {
            const auto name = read_.commands[i].name();
            // Whether what follows runs depends on it, with `set -e` at least.
            left_ = left_ || is_one_of(name, {"exit", "return", "exec", "[", "[[", "test"});
        }
        if (is_at("&") && !is_at("&&") && first < read_.commands.size()) {
            read_.background.push_back({read_.commands.size() - 1, redirected_});
        }
    }

    void pipeline() {
        skip_blanks();
        while (take_word("!") || take_word("time")) skip_blanks();
        bool piped = false;
        for (;;) {
            command();
            skip_blanks();
            if (at_end() || is_at("||") || !is_at("|")) break;
            if (!take("|&")) static_cast<void>(take("|"));
            piped = true;
            skip_lines();
        }
        redirected_ = redirected_ || piped;
    }

    void command() {
        if (at_end()) return fail_here();
        redirected_ = false;
        if (is_at("((")) return fail_here();
        const std::string_view name = plain_word();
        if (is_at("(")) {
            ++at_;
            compound([&] { list(); });
            if (!take(")")) fail_here();
        } else if (name == "{") {
            ++at_;
            compound([&] { list(); });
            expect_word("}");
        } else if (name == "if") {
            doubtful([&] { if_command(); });
        } else if (name == "while" || name == "until") {
            at_ += name.size();
            doubtful([&] {
                list();
                expect_word("do");
                list();
                expect_word("done");
            });
        } else if (name == "for" || name == "select") {
            at_ += name.size();
            doubtful([&] { for_command(); });
        } else if (name == "case") {
            at_ += name.size();
            doubtful([&] { case_command(); });
        } else if (name == "function") {
            at_ += name.size();
            skip_blanks();
            function(plain_word());
            return;
        } else if (name == "[[") {
            return condition();
        } else if (name == "coproc") {
            return fail_here();
        } else {
            return simple();
        }
        const bool inside = redirected_;
        redirections();
        redirected_ = redirected_ || inside;
    }

    /// Reads commands within another one; that its output goes elsewhere may be said there.
    template <typename Read>
    void compound(Read read) {
        const std::size_t first = read_.commands.size();
        if (++depth_ > deepest) return fail_here();
        read();
        --depth_;
        redirected_ = std::any_of(read_.commands.begin() + static_cast<std::ptrdiff_t>(first), read_.commands.end(),
                                  [](const auto& each) { return each.redirected; });
    }
    template <typename Read>
    void doubtful(Read read) {
        ++doubtful_;
        compound(read);
        --doubtful_;
    }

    void if_command() {
        at_ += 2;
        for (;;) {
            list();
            expect_word("then");
            list();
            if (take_word("elif")) continue;
            if (take_word("else")) list();
            return expect_word("fi");
        }
    }

    void for_command() {
        skip_blanks();
        if (is_at("(") || plain_word().empty()) return fail_here();
        static_cast<void>(word());
        skip_lines();
        if (take_word("in")) {
            for (skip_blanks(); !at_end() && !is_at(";") && !is_at("\n"); skip_blanks()) static_cast<void>(word());
        }
        skip_blanks();
        static_cast<void>(take(";"));
        expect_word("do");
        list();
        expect_word("done");
    }

    void case_command() {
        skip_blanks();
        static_cast<void>(word());
        expect_word("in");
        for (skip_lines(); !at_end() && !take_word("esac"); skip_lines()) {
            static_cast<void>(take("("));
            for (;;) {
                skip_blanks();
                if (at_end()) return;
                static_cast<void>(word());
                skip_blanks();
                if (take("|")) continue;
                if (!take(")")) return fail_here();
                break;
            }
            list();
            if (!take(";;&") && !take(";;") && !take(";&") && plain_word() != "esac") return fail_here();
        }
    }

    void function(std::string_view name) {
        if (name.empty()) return fail_here();
        read_.functions.emplace(name);
        at_ += name.size();
        skip_blanks();
        if (take("(")) {
            skip_blanks();
            if (!take(")")) return fail_here();
        }
        skip_lines();
        doubtful([&] { command(); });
        redirected_ = false;
    }

    /// Reads `[[ … ]]`, whose operators are no shell's.
    void condition() {
        shell_command read{.certain = is_certain()};
        while (!at_end()) {
            skip_lines();
            if (plain_word() == "]]") break;
            if (!at_end() && ends_word.find(text_[at_]) != std::string_view::npos) {
                ++at_;
            } else if (!at_end()) {
                read.words.push_back(word());
            }
        }
        if (!take_word("]]")) return fail_here();
        read_.commands.push_back(std::move(read));
        redirections();
    }

    [[nodiscard]] auto is_certain() const -> bool { return doubtful_ == 0 && !left_; }

    // --- simple commands ---

    /// Whether the next word is `name=…`, `name+=…` or `name[…]=…`; then the name.
    [[nodiscard]] auto assigned_name() const -> std::string_view {
        const std::string_view word = rest().substr(0, rest().find_first_of(ends_word));
        std::size_t size = 0;
        while (size < word.size() && (ascii::is_alphanumeric(word[size]) || word[size] == '_')) ++size;
        if (size == 0 || ascii::is_digit(word.front())) return {};
        std::string_view behind = word.substr(size);
        if (behind.starts_with('[')) behind.remove_prefix(std::min(behind.find(']'), behind.size() - 1) + 1);
        if (behind.starts_with('+')) behind.remove_prefix(1);
        return behind.starts_with('=') ? word.substr(0, size) : std::string_view{};
    }

    void simple() {
        const bool certain = is_certain();
        bool redirects = false;
        shell_command read;
        for (;;) {
            skip_blanks();
            if (redirection(read)) {
                redirects = true;
                continue;
            }
            if (at_end() || std::string_view{"\n;&|)"}.find(text_[at_]) != std::string_view::npos) break;
            if (is_at("(")) {
                if (read.words.size() != 1 || !read.words.front().plain) return fail_here();
                at_ = read.words.front().offset;
                return function(plain_word());
            }
            const std::string_view name = read.words.empty() ? assigned_name() : std::string_view{};
            const shell_word next = word();
            // `local` and its like take lists, too.
            if (next.text.ends_with('=') && (!name.empty() || !read.words.empty()) && take("(")) {
                for (skip_lines(); !at_end() && !is_at(")"); skip_lines()) static_cast<void>(word());
                if (!take(")")) fail_here();
            }
            if (name.empty()) {
                read.words.push_back(next);
            } else {
                read.assigned.emplace_back(name);
            }
        }
        if (read.words.empty() && read.assigned.empty() && !redirects) fail_here();
        if (failed_) return;
        read.certain = certain;
        redirected_ = read.redirected;
        read_.commands.push_back(std::move(read));
    }

    void redirections() {
        shell_command read;
        for (skip_blanks(); redirection(read); skip_blanks()) {
        }
        redirected_ = read.redirected;
    }

    /// Reads a redirection, if one is next.
    [[nodiscard]] auto redirection(shell_command& to) -> bool {
        if (at_end()) return false;
        const std::size_t digits = read_digits(rest()).count;
        const std::string_view number = rest().substr(0, digits);
        const std::string_view behind = rest().substr(digits);
        if (digits != 0 && !behind.starts_with('<') && !behind.starts_with('>')) return false;
        if (behind.starts_with("<(") || behind.starts_with(">(")) return false;
        constexpr std::array<std::string_view, 12> operators{"&>>", "&>", "<<<", "<<-", "<<", "<&",
                                                             "<>",  ">>", ">&",  ">|",  "<",  ">"};
        const auto found = algo::find_if(operators, [&](auto each) { return behind.starts_with(each); });
        if (found == operators.end()) return false;
        at_ += digits + found->size();
        skip_blanks();
        const shell_word target = word();
        const bool output = number.empty() || number == "1";
        if (*found == "<<" || *found == "<<-") {
            documents_.emplace_back(target.text, *found == "<<-");
        } else if (found->starts_with('&') || (output && found->front() == '>' && *found != ">&")) {
            to.redirected = true;
        } else if (*found == ">&" && output) {
            to.redirected = to.redirected || (target.text != "2" && target.text != "1");
        }
        return !failed_;
    }

    std::string_view text_;
    std::size_t at_{};
    std::size_t depth_{};
    std::size_t doubtful_{};  ///< how many commands around this one decide whether it runs
    bool left_{};             ///< a command before may end the text
    bool redirected_{};       ///< of the command that was read last
    bool failed_{};
    std::vector<std::pair<std::string, bool>> documents_{};  ///< delimiters of here-documents, and whether tabs go
    shell_text read_{};
};

}  // namespace detail

/// Takes a text for a shell apart. Nothing is expanded.
[[nodiscard]] inline auto read_shell(std::string_view text) -> shell_text {
    return detail::shell_reader{text}.read();
}

}  // namespace powerconsul::inline v0
