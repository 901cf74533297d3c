#pragma once

#include <compare>
#include <map>
#include <set>

#include <powerconsul/json/page.hpp>
#include <powerconsul/json/value.hpp>

namespace powerconsul::inline v0 {

/// Error: it is refused, or cannot work. Warning: it is valid but probably a mistake. Note: worth knowing, such as
/// something that could not be examined.
enum class severity : unsigned char { error, warning, note };

[[nodiscard]] constexpr auto to_string(severity value) -> std::string_view {
    return value == severity::error ? "error" : value == severity::warning ? "warning" : "note";
}

/// One finding and its place.
struct lint_finding {
    std::string document{};  ///< a file, a key or another name of the text
    std::size_t line{};      ///< from 1; 0 if the finding is about the text as a whole
    std::size_t column{};    ///< in bytes, from 1; 0 if `line` is 0
    severity level{severity::error};
    std::string message{};

    /// By document and place, then errors first: the order in which people read them.
    friend auto operator<=>(const lint_finding&, const lint_finding&) = default;
};

/// One line in the style of compilers: `cluster/production/web:1:18: error: …`.
[[nodiscard]] inline auto to_line(const lint_finding& one) -> std::string {
    std::string text = one_line(one.document, 500);
    if (one.line != 0) text += ':' + std::to_string(one.line) + ':' + std::to_string(one.column);
    return text + ": " + std::string{to_string(one.level)} + ": " + one_line(one.message, 2000);
}

/// The kinds of text that can be examined.
enum class text_kind : unsigned char { document, trigger, configuration };

[[nodiscard]] constexpr auto to_string(text_kind value) -> std::string_view {
    return value == text_kind::document  ? "cluster document"
           : value == text_kind::trigger ? "trigger"
                                         : "configuration";
}

/// Collects findings about several texts, without duplicates. For each text it keeps all errors, but fewer than
/// most_warnings warnings and notes; a note then says that there were more.
class lint_report {
public:
    static constexpr std::size_t most_warnings = 200;

    /// Adds a finding at byte `offset` of `text`.
    void add(std::string_view document, std::string_view text, std::size_t offset, severity level,
             std::string message) {
        if (!is_kept(document, level)) return;
        const auto [line, column] = position_of(text, offset < text.size() ? offset : text.size());
        findings_.insert({std::string{document}, line, column, level, std::move(message)});
    }
    /// Adds a finding about a document as a whole.
    void add(std::string_view document, severity level, std::string message) {
        if (is_kept(document, level)) findings_.insert({std::string{document}, 0, 0, level, std::move(message)});
    }

    void looked_at(text_kind kind) { ++looked_at_[static_cast<std::size_t>(kind)]; }
    void passed_over() { ++passed_over_; }

    [[nodiscard]] auto findings() const -> const std::set<lint_finding>& { return findings_; }
    [[nodiscard]] auto count(severity level) const -> std::uint64_t {
        return static_cast<std::uint64_t>(algo::count(findings_, level, &lint_finding::level));
    }
    [[nodiscard]] auto count(text_kind kind) const -> std::uint64_t {
        return looked_at_[static_cast<std::size_t>(kind)];
    }
    [[nodiscard]] auto documents() const -> std::uint64_t { return looked_at_[0] + looked_at_[1] + looked_at_[2]; }
    /// Keys of an export or of the KV store that are not meant for powerconsul.
    [[nodiscard]] auto others() const -> std::uint64_t { return passed_over_; }

private:
    [[nodiscard]] auto is_kept(std::string_view document, severity level) -> bool {
        if (level == severity::error) return true;
        const std::size_t kept = ++kept_[std::string{document}];
        if (kept == most_warnings) {
            findings_.insert({std::string{document}, 0, 0, severity::note, "further warnings are not shown"});
        }
        return kept < most_warnings;
    }

    std::set<lint_finding> findings_{};
    std::map<std::string, std::size_t> kept_{};
    std::uint64_t looked_at_[3]{};
    std::uint64_t passed_over_{};
};

/// `1 error`, `2 errors`.
[[nodiscard]] inline auto counted(std::uint64_t count, std::string_view what) -> std::string {
    return std::to_string(count) + ' ' + std::string{what} + (count == 1 ? "" : "s");
}

/// The last line: `2 errors, 1 warning in 3 documents` or, if there are neither, `1 trigger is fine`.
[[nodiscard]] inline auto summary(const lint_report& report) -> std::string {
    const auto errors = report.count(severity::error);
    const auto warnings = report.count(severity::warning);
    std::string text;
    if (errors + warnings != 0) {
        if (errors != 0) text = counted(errors, "error");
        if (warnings != 0) text += (text.empty() ? "" : ", ") + counted(warnings, "warning");
        if (report.documents() != 0) text += " in " + counted(report.documents(), "document");
    } else {
        std::vector<std::string> parts;
        for (const auto kind : {text_kind::document, text_kind::trigger, text_kind::configuration}) {
            if (report.count(kind) != 0) parts.push_back(counted(report.count(kind), to_string(kind)));
        }
        text =
            parts.empty() ? "nothing to look at" : listed(parts) + (report.documents() == 1 ? " is" : " are") + " fine";
    }
    if (report.others() != 0) text += "; " + counted(report.others(), "other key") + " passed over";
    return text;
}

/// All findings, a line each, and the summary.
[[nodiscard]] inline auto report_text(const lint_report& report) -> std::string {
    std::string text;
    for (const auto& each : report.findings()) text += to_line(each) + '\n';
    return text + summary(report) + '\n';
}

namespace json {

/// Adds the problems that a decoder found as errors: a check would refuse the text because of them.
inline void add_problems(lint_report& report, std::string_view name, std::string_view text,
                         const std::vector<problem>& problems) {
    for (const auto& each : problems) {
        report.add(name, text, each.offset.value_or(0), severity::error,
                   (each.where.empty() ? "" : one_line(each.where, 120) + ": ") + each.what);
    }
    if (problems.size() >= most_problems) report.add(name, severity::note, "further errors are not shown");
}

/// All findings and the counts as one JSON object, for programs.
[[nodiscard]] inline auto report_json(const lint_report& report) -> std::string {
    page printed;
    printed.objects("findings", report.findings(), [&](const lint_finding& each) {
        printed.member("document", each.document, 500);
        for (const auto& [key, number] : {std::pair{"line", each.line}, std::pair{"column", each.column}}) {
            printed.object.key(key);
            each.line == 0 ? printed.object.null() : printed.object.number(std::uint64_t{number});
        }
        printed.member("severity", to_string(each.level));
        printed.member("message", each.message, 2000);
    });
    for (const auto& [key, count] :
         {std::pair{"errors", report.count(severity::error)}, std::pair{"warnings", report.count(severity::warning)},
          std::pair{"notes", report.count(severity::note)}, std::pair{"documents", report.count(text_kind::document)},
          std::pair{"triggers", report.count(text_kind::trigger)},
          std::pair{"configurations", report.count(text_kind::configuration)},
          std::pair{"passedOver", report.others()}}) {
        printed.object.key(key).number(count);
    }
    return std::move(printed).json();
}

}  // namespace json

}  // namespace powerconsul::inline v0
