#pragma once

/// Names of the types that embedders mention in their own headers. The templates over policies are not here: they are
/// constrained by the concepts of transport.hpp, executor.hpp, files.hpp and clock.hpp, which must be seen first.
namespace powerconsul::inline v0 {

struct error;
template <typename T>
class result;

struct milliseconds;
struct identity;
struct cluster_document;
struct placement;
struct instance;
struct resolver_options;
struct resolution;
struct observed;
struct check_report;
struct settings;

struct http_request;
struct http_response;
struct command;
struct outcome;
struct file_status;

enum class role : unsigned char;
enum class actives : unsigned char;
enum class expectation : unsigned char;
enum class observation : unsigned char;
enum class verdict : unsigned char;

}  // namespace powerconsul::inline v0
