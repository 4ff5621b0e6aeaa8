// Made by scripts/generate_openapi.py from docs/openapi.json.

/// The description of the admin API (OpenAPI 3.1), served at `/openapi.json`.
package enum OpenAPIDocument {
    package static let text = #"""
        {
          "openapi": "3.1.0",
          "info": {
            "title": "Sluice admin API",
            "version": "1.0.0",
            "license": {
              "name": "Apache-2.0",
              "identifier": "Apache-2.0"
            },
            "description": "Changes the active color of a Sluice proxy and reports its state. Every answer is JSON, except that of `/metrics`. Requests have no body: parameters go into the query, and an unknown, repeated or malformed one is answered with 400. An unknown path is answered with 404, and a wrong method with 405 and `Allow`. `HEAD` works wherever `GET` does. Fields without a value are left out."
          },
          "servers": [
            {
              "url": "http://127.0.0.1:9901"
            }
          ],
          "security": [
            {
              "token": []
            }
          ],
          "tags": [
            {
              "name": "changes",
              "description": "Change the active color"
            },
            {
              "name": "releases",
              "description": "Change the active color in steps"
            },
            {
              "name": "views",
              "description": "Report the state"
            },
            {
              "name": "probes",
              "description": "Requests that need no token"
            }
          ],
          "paths": {
            "/switch": {
              "post": {
                "operationId": "switch",
                "summary": "Make a color active",
                "description": "Makes the color named by `to` active, or the other one if `to` is missing. Every call that begins after the answer goes to that color. Calls in flight stay where they began until they end by themselves or a drain ends them. Switching to the active color changes nothing.",
                "tags": [
                  "changes"
                ],
                "parameters": [
                  {
                    "name": "to",
                    "in": "query",
                    "description": "The color to make active.",
                    "schema": {
                      "$ref": "#/components/schemas/Color"
                    }
                  },
                  {
                    "name": "force",
                    "in": "query",
                    "description": "`true` makes the change even if the color is not healthy. Needs `reason`; the change is recorded as forced.",
                    "schema": {
                      "type": "string",
                      "enum": [
                        "true",
                        "false"
                      ]
                    }
                  },
                  {
                    "name": "reason",
                    "in": "query",
                    "description": "The reason, kept in history and audit log. Must not contain control characters.",
                    "schema": {
                      "type": "string",
                      "maxLength": 500,
                      "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$"
                    }
                  },
                  {
                    "name": "expect",
                    "in": "query",
                    "description": "The version that every endpoint of the color has to say it is, `VERSION` or `MODEL@VERSION`, before the change is made.",
                    "schema": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 200,
                      "pattern": "^[^@\\s\\x00-\\x1f\\x7f-\\x9f]+(@[^@\\s\\x00-\\x1f\\x7f-\\x9f]+)?$",
                      "example": "v1.1.0"
                    }
                  },
                  {
                    "name": "drain",
                    "in": "query",
                    "description": "The time that calls in flight on the old color have to end by themselves: `0s` to `24h`, or `off` for no limit; by default `--drain-timeout`. The Proxy ends the remaining ones with UNAVAILABLE, spread over a window of time.",
                    "schema": {
                      "type": "string",
                      "pattern": "^(off|0|[0-9]{1,4}s|[0-9]{1,6}ms|[0-9]{1,3}m)$",
                      "example": "60s"
                    }
                  },
                  {
                    "name": "wait",
                    "in": "query",
                    "description": "Delays the answer until the old color has no calls left or `timeout` has passed. Can't be combined with `dry_run`.",
                    "schema": {
                      "type": "string",
                      "enum": [
                        "drained"
                      ]
                    }
                  },
                  {
                    "name": "timeout",
                    "in": "query",
                    "description": "The longest wait, `0s` to `1h`; by default 30 s. Only with `wait`.",
                    "schema": {
                      "type": "string",
                      "pattern": "^(0|[0-9]{1,3}s|[0-9]{1,5}ms|[0-5]?[0-9]m)$",
                      "example": "30s"
                    }
                  },
                  {
                    "name": "guard",
                    "in": "query",
                    "description": "Judges the new color for so long, `1ms` to `168h`, by what the old one served in the minutes before, and goes back by itself if it is worse: a release without steps, which the answer has as `release`. Needs a change: with `dry_run`, or if the color is active already, it begins nothing.",
                    "schema": {
                      "type": "string",
                      "pattern": "^[1-9][0-9]{0,3}(ms|s)$",
                      "example": "60s"
                    }
                  },
                  {
                    "name": "dry_run",
                    "in": "query",
                    "description": "`true` decides and answers as for the real request, but changes nothing.",
                    "schema": {
                      "type": "string",
                      "enum": [
                        "true",
                        "false"
                      ]
                    }
                  },
                  {
                    "name": "If-Match",
                    "in": "header",
                    "description": "The change is made only if the epoch is among these: `7`, `\"7\"`, `\"7\", \"8\"`, or `*` for any.",
                    "schema": {
                      "type": "string",
                      "pattern": "^(\\*|\"?[0-9]{1,18}\"?)$"
                    }
                  }
                ],
                "responses": {
                  "200": {
                    "description": "The change was made, or the color was already active (`changed` is false).",
                    "headers": {
                      "ETag": {
                        "description": "The epoch in quotes, as `If-Match` takes it.",
                        "schema": {
                          "type": "string",
                          "pattern": "^\"[0-9]+\"$"
                        }
                      }
                    },
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Receipt"
                        }
                      }
                    }
                  },
                  "202": {
                    "description": "The change was made, but calls were still in flight on the old color when `timeout` had passed.",
                    "headers": {
                      "ETag": {
                        "description": "The epoch in quotes, as `If-Match` takes it.",
                        "schema": {
                          "type": "string",
                          "pattern": "^\"[0-9]+\"$"
                        }
                      }
                    },
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Receipt"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "401": {
                    "$ref": "#/components/responses/Unauthorized"
                  },
                  "403": {
                    "$ref": "#/components/responses/Forbidden"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "409": {
                    "description": "Refused: the color is not healthy (`health` has the failing checks), doesn't say that it is the version in `expect` (`versions` has what it says), or a release is under way.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  },
                  "412": {
                    "description": "Refused: the epoch is not one of those in `If-Match`.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  },
                  "503": {
                    "description": "Refused, and nothing was changed: the new state could not be saved, or another process is taking over at this very moment.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  }
                }
              }
            },
            "/rollback": {
              "post": {
                "operationId": "rollback",
                "summary": "Roll back",
                "description": "Makes the color before the last change active again.",
                "tags": [
                  "changes"
                ],
                "parameters": [
                  {
                    "name": "force",
                    "in": "query",
                    "description": "`true` makes the change even if the color is not healthy. Needs `reason`; the change is recorded as forced.",
                    "schema": {
                      "type": "string",
                      "enum": [
                        "true",
                        "false"
                      ]
                    }
                  },
                  {
                    "name": "reason",
                    "in": "query",
                    "description": "The reason, kept in history and audit log. Must not contain control characters.",
                    "schema": {
                      "type": "string",
                      "maxLength": 500,
                      "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$"
                    }
                  },
                  {
                    "name": "drain",
                    "in": "query",
                    "description": "The time that calls in flight on the old color have to end by themselves: `0s` to `24h`, or `off` for no limit; by default `--drain-timeout`. The Proxy ends the remaining ones with UNAVAILABLE, spread over a window of time.",
                    "schema": {
                      "type": "string",
                      "pattern": "^(off|0|[0-9]{1,4}s|[0-9]{1,6}ms|[0-9]{1,3}m)$",
                      "example": "60s"
                    }
                  },
                  {
                    "name": "wait",
                    "in": "query",
                    "description": "Delays the answer until the old color has no calls left or `timeout` has passed. Can't be combined with `dry_run`.",
                    "schema": {
                      "type": "string",
                      "enum": [
                        "drained"
                      ]
                    }
                  },
                  {
                    "name": "timeout",
                    "in": "query",
                    "description": "The longest wait, `0s` to `1h`; by default 30 s. Only with `wait`.",
                    "schema": {
                      "type": "string",
                      "pattern": "^(0|[0-9]{1,3}s|[0-9]{1,5}ms|[0-5]?[0-9]m)$",
                      "example": "30s"
                    }
                  },
                  {
                    "name": "dry_run",
                    "in": "query",
                    "description": "`true` decides and answers as for the real request, but changes nothing.",
                    "schema": {
                      "type": "string",
                      "enum": [
                        "true",
                        "false"
                      ]
                    }
                  },
                  {
                    "name": "If-Match",
                    "in": "header",
                    "description": "The change is made only if the epoch is among these: `7`, `\"7\"`, `\"7\", \"8\"`, or `*` for any.",
                    "schema": {
                      "type": "string",
                      "pattern": "^(\\*|\"?[0-9]{1,18}\"?)$"
                    }
                  }
                ],
                "responses": {
                  "200": {
                    "description": "The change was made, or the color was already active (`changed` is false).",
                    "headers": {
                      "ETag": {
                        "description": "The epoch in quotes, as `If-Match` takes it.",
                        "schema": {
                          "type": "string",
                          "pattern": "^\"[0-9]+\"$"
                        }
                      }
                    },
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Receipt"
                        }
                      }
                    }
                  },
                  "202": {
                    "description": "The change was made, but calls were still in flight on the old color when `timeout` had passed.",
                    "headers": {
                      "ETag": {
                        "description": "The epoch in quotes, as `If-Match` takes it.",
                        "schema": {
                          "type": "string",
                          "pattern": "^\"[0-9]+\"$"
                        }
                      }
                    },
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Receipt"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "401": {
                    "$ref": "#/components/responses/Unauthorized"
                  },
                  "403": {
                    "$ref": "#/components/responses/Forbidden"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "409": {
                    "description": "Refused: the color is not healthy (`health` has the failing checks), or there is nothing to roll back to.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  },
                  "412": {
                    "description": "Refused: the epoch is not one of those in `If-Match`.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  },
                  "503": {
                    "description": "Refused, and nothing was changed: the new state could not be saved, or another process is taking over at this very moment.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  }
                }
              }
            },
            "/release": {
              "get": {
                "operationId": "release",
                "summary": "Show the release under way, or the last one",
                "description": "Tells the plan, the step and how long it still takes, the share that was asked for and the one that was met, and how the release has ended.",
                "tags": [
                  "releases"
                ],
                "parameters": [
                  {
                    "name": "wait",
                    "in": "query",
                    "description": "Delays the answer until the release is over or paused, or `timeout` has passed. Needs `timeout`.",
                    "schema": {
                      "type": "string",
                      "enum": [
                        "done"
                      ]
                    }
                  },
                  {
                    "name": "timeout",
                    "in": "query",
                    "description": "The longest wait, `0s` to `168h`. Only with `wait`.",
                    "schema": {
                      "type": "string",
                      "pattern": "^(0|[0-9]{1,3}ms)$",
                      "example": "500ms"
                    }
                  }
                ],
                "responses": {
                  "200": {
                    "description": "The release.",
                    "headers": {
                      "ETag": {
                        "description": "The epoch in quotes, as `If-Match` takes it.",
                        "schema": {
                          "type": "string",
                          "pattern": "^\"[0-9]+\"$"
                        }
                      }
                    },
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Release"
                        }
                      }
                    }
                  },
                  "202": {
                    "description": "The release was still going on when `timeout` had passed.",
                    "headers": {
                      "ETag": {
                        "description": "The epoch in quotes, as `If-Match` takes it.",
                        "schema": {
                          "type": "string",
                          "pattern": "^\"[0-9]+\"$"
                        }
                      }
                    },
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Release"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "401": {
                    "$ref": "#/components/responses/Unauthorized"
                  },
                  "403": {
                    "$ref": "#/components/responses/Forbidden"
                  },
                  "404": {
                    "description": "There has been no release.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  }
                }
              },
              "post": {
                "operationId": "beginRelease",
                "summary": "Begin a release",
                "description": "Gives the new color a growing, sticky share of the calls, step by step, and then all of them. One release at a time; while one is under way, `POST /switch` is refused and `POST /rollback` takes it back. The release goes on in the Proxy, whatever becomes of whoever has asked for it.",
                "tags": [
                  "releases"
                ],
                "parameters": [
                  {
                    "name": "force",
                    "in": "query",
                    "description": "`true` makes the change even if the color is not healthy. Needs `reason`; the change is recorded as forced.",
                    "schema": {
                      "type": "string",
                      "enum": [
                        "true",
                        "false"
                      ]
                    }
                  },
                  {
                    "name": "wait",
                    "in": "query",
                    "description": "Delays the answer until the release is over or paused, or `timeout` has passed. Needs `timeout`.",
                    "schema": {
                      "type": "string",
                      "enum": [
                        "done"
                      ]
                    }
                  },
                  {
                    "name": "timeout",
                    "in": "query",
                    "description": "The longest wait, `0s` to `168h`. Only with `wait`.",
                    "schema": {
                      "type": "string",
                      "pattern": "^(0|[0-9]{1,3}ms)$",
                      "example": "500ms"
                    }
                  },
                  {
                    "name": "If-Match",
                    "in": "header",
                    "description": "The change is made only if the epoch is among these: `7`, `\"7\"`, `\"7\", \"8\"`, or `*` for any.",
                    "schema": {
                      "type": "string",
                      "pattern": "^(\\*|\"?[0-9]{1,18}\"?)$"
                    }
                  },
                  {
                    "name": "Idempotency-Key",
                    "in": "header",
                    "description": "The same key with the same plan is answered with the same release, and begins no other.",
                    "schema": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 200,
                      "pattern": "^[A-Za-z0-9_-]+$"
                    }
                  }
                ],
                "requestBody": {
                  "required": true,
                  "content": {
                    "application/json": {
                      "schema": {
                        "$ref": "#/components/schemas/ReleasePlan"
                      }
                    }
                  }
                },
                "responses": {
                  "201": {
                    "description": "The release has begun: the share of its first step holds for every call that begins from now on.",
                    "headers": {
                      "ETag": {
                        "description": "The epoch in quotes, as `If-Match` takes it.",
                        "schema": {
                          "type": "string",
                          "pattern": "^\"[0-9]+\"$"
                        }
                      }
                    },
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Release"
                        }
                      }
                    }
                  },
                  "202": {
                    "description": "The release has begun, and was still going on when `timeout` had passed.",
                    "headers": {
                      "ETag": {
                        "description": "The epoch in quotes, as `If-Match` takes it.",
                        "schema": {
                          "type": "string",
                          "pattern": "^\"[0-9]+\"$"
                        }
                      }
                    },
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Release"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "401": {
                    "$ref": "#/components/responses/Unauthorized"
                  },
                  "403": {
                    "$ref": "#/components/responses/Forbidden"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "409": {
                    "description": "Refused: the color is not healthy (`health` has the failing checks), doesn't say that it is the version in `expect` (`versions` has what it says) or is active already, or another release is under way.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  },
                  "412": {
                    "description": "Refused: the epoch is not one of those in `If-Match`.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "422": {
                    "description": "The `Idempotency-Key` is that of a release with another plan.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  },
                  "503": {
                    "description": "Refused, and nothing was changed: the new state could not be saved, or another process is taking over at this very moment.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  }
                }
              }
            },
            "/release/pause": {
              "post": {
                "operationId": "pauseRelease",
                "summary": "Pause the release",
                "description": "Keeps the share as it is until somebody goes on.",
                "tags": [
                  "releases"
                ],
                "parameters": [
                  {
                    "name": "reason",
                    "in": "query",
                    "description": "The reason, kept in the audit log. Must not contain control characters.",
                    "schema": {
                      "type": "string",
                      "maxLength": 500,
                      "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$"
                    }
                  },
                  {
                    "name": "If-Match",
                    "in": "header",
                    "description": "The change is made only if the epoch is among these: `7`, `\"7\"`, `\"7\", \"8\"`, or `*` for any.",
                    "schema": {
                      "type": "string",
                      "pattern": "^(\\*|\"?[0-9]{1,18}\"?)$"
                    }
                  }
                ],
                "responses": {
                  "200": {
                    "description": "The release as it is now.",
                    "headers": {
                      "ETag": {
                        "description": "The epoch in quotes, as `If-Match` takes it.",
                        "schema": {
                          "type": "string",
                          "pattern": "^\"[0-9]+\"$"
                        }
                      }
                    },
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Release"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "401": {
                    "$ref": "#/components/responses/Unauthorized"
                  },
                  "403": {
                    "$ref": "#/components/responses/Forbidden"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "409": {
                    "description": "No release is under way, it is in no state for this, or the color that would get more calls is not healthy.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  },
                  "412": {
                    "description": "Refused: the epoch is not one of those in `If-Match`.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  },
                  "503": {
                    "description": "Refused, and nothing was changed: the new state could not be saved, or another process is taking over at this very moment.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  }
                }
              }
            },
            "/release/resume": {
              "post": {
                "operationId": "resumeRelease",
                "summary": "Let a paused release go on",
                "description": "Its step goes on where it was paused; after a pause for want of calls, the next step begins.",
                "tags": [
                  "releases"
                ],
                "parameters": [
                  {
                    "name": "reason",
                    "in": "query",
                    "description": "The reason, kept in the audit log. Must not contain control characters.",
                    "schema": {
                      "type": "string",
                      "maxLength": 500,
                      "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$"
                    }
                  },
                  {
                    "name": "If-Match",
                    "in": "header",
                    "description": "The change is made only if the epoch is among these: `7`, `\"7\"`, `\"7\", \"8\"`, or `*` for any.",
                    "schema": {
                      "type": "string",
                      "pattern": "^(\\*|\"?[0-9]{1,18}\"?)$"
                    }
                  }
                ],
                "responses": {
                  "200": {
                    "description": "The release as it is now.",
                    "headers": {
                      "ETag": {
                        "description": "The epoch in quotes, as `If-Match` takes it.",
                        "schema": {
                          "type": "string",
                          "pattern": "^\"[0-9]+\"$"
                        }
                      }
                    },
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Release"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "401": {
                    "$ref": "#/components/responses/Unauthorized"
                  },
                  "403": {
                    "$ref": "#/components/responses/Forbidden"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "409": {
                    "description": "No release is under way, it is in no state for this, or the color that would get more calls is not healthy.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  },
                  "412": {
                    "description": "Refused: the epoch is not one of those in `If-Match`.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  },
                  "503": {
                    "description": "Refused, and nothing was changed: the new state could not be saved, or another process is taking over at this very moment.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  }
                }
              }
            },
            "/release/promote": {
              "post": {
                "operationId": "promoteRelease",
                "summary": "Go to the next step now",
                "description": "Begins the next step, or ends the release with all calls on the new color.",
                "tags": [
                  "releases"
                ],
                "parameters": [
                  {
                    "name": "reason",
                    "in": "query",
                    "description": "The reason, kept in the audit log. Must not contain control characters.",
                    "schema": {
                      "type": "string",
                      "maxLength": 500,
                      "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$"
                    }
                  },
                  {
                    "name": "If-Match",
                    "in": "header",
                    "description": "The change is made only if the epoch is among these: `7`, `\"7\"`, `\"7\", \"8\"`, or `*` for any.",
                    "schema": {
                      "type": "string",
                      "pattern": "^(\\*|\"?[0-9]{1,18}\"?)$"
                    }
                  }
                ],
                "responses": {
                  "200": {
                    "description": "The release as it is now.",
                    "headers": {
                      "ETag": {
                        "description": "The epoch in quotes, as `If-Match` takes it.",
                        "schema": {
                          "type": "string",
                          "pattern": "^\"[0-9]+\"$"
                        }
                      }
                    },
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Release"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "401": {
                    "$ref": "#/components/responses/Unauthorized"
                  },
                  "403": {
                    "$ref": "#/components/responses/Forbidden"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "409": {
                    "description": "No release is under way, it is in no state for this, or the color that would get more calls is not healthy.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  },
                  "412": {
                    "description": "Refused: the epoch is not one of those in `If-Match`.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  },
                  "503": {
                    "description": "Refused, and nothing was changed: the new state could not be saved, or another process is taking over at this very moment.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  }
                }
              }
            },
            "/release/abort": {
              "post": {
                "operationId": "abortRelease",
                "summary": "Take the release back",
                "description": "Sends all calls back to the color that they came from. It waits for no disk: if the state can't be saved yet, `audit_error` says so.",
                "tags": [
                  "releases"
                ],
                "parameters": [
                  {
                    "name": "reason",
                    "in": "query",
                    "description": "The reason, kept in the audit log. Must not contain control characters.",
                    "schema": {
                      "type": "string",
                      "maxLength": 500,
                      "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$"
                    }
                  },
                  {
                    "name": "If-Match",
                    "in": "header",
                    "description": "The change is made only if the epoch is among these: `7`, `\"7\"`, `\"7\", \"8\"`, or `*` for any.",
                    "schema": {
                      "type": "string",
                      "pattern": "^(\\*|\"?[0-9]{1,18}\"?)$"
                    }
                  }
                ],
                "responses": {
                  "200": {
                    "description": "The release as it is now.",
                    "headers": {
                      "ETag": {
                        "description": "The epoch in quotes, as `If-Match` takes it.",
                        "schema": {
                          "type": "string",
                          "pattern": "^\"[0-9]+\"$"
                        }
                      }
                    },
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Release"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "401": {
                    "$ref": "#/components/responses/Unauthorized"
                  },
                  "403": {
                    "$ref": "#/components/responses/Forbidden"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "409": {
                    "description": "No release is under way, it is in no state for this, or the color that would get more calls is not healthy.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  },
                  "412": {
                    "description": "Refused: the epoch is not one of those in `If-Match`.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  },
                  "503": {
                    "description": "Refused, and nothing was changed: the new state could not be saved, or another process is taking over at this very moment.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  }
                }
              }
            },
            "/releases": {
              "get": {
                "operationId": "releases",
                "summary": "List the last releases",
                "description": "The last ten, newest first.",
                "tags": [
                  "releases"
                ],
                "responses": {
                  "200": {
                    "description": "The releases.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Releases"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "401": {
                    "$ref": "#/components/responses/Unauthorized"
                  },
                  "403": {
                    "$ref": "#/components/responses/Forbidden"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  }
                }
              }
            },
            "/drain/cancel": {
              "post": {
                "operationId": "cancelDrain",
                "summary": "Stop a drain",
                "description": "Lets the calls that a change left behind on the old color go on, except those that have been ended already.",
                "tags": [
                  "changes"
                ],
                "parameters": [
                  {
                    "name": "reason",
                    "in": "query",
                    "description": "The reason, kept in the audit log. Must not contain control characters.",
                    "schema": {
                      "type": "string",
                      "maxLength": 500,
                      "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$"
                    }
                  }
                ],
                "responses": {
                  "200": {
                    "description": "The drain was stopped.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/CancelledDrain"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "401": {
                    "$ref": "#/components/responses/Unauthorized"
                  },
                  "403": {
                    "$ref": "#/components/responses/Forbidden"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "409": {
                    "description": "No drain is under way.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  },
                  "503": {
                    "description": "Refused, and nothing was changed: another process is taking over at this very moment.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  }
                }
              }
            },
            "/status": {
              "get": {
                "operationId": "status",
                "summary": "Report the state",
                "description": "The active color, both colors' health, calls in flight, and totals.",
                "tags": [
                  "views"
                ],
                "responses": {
                  "200": {
                    "description": "The status.",
                    "headers": {
                      "ETag": {
                        "description": "The epoch in quotes, as `If-Match` takes it.",
                        "schema": {
                          "type": "string",
                          "pattern": "^\"[0-9]+\"$"
                        }
                      }
                    },
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Status"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "401": {
                    "$ref": "#/components/responses/Unauthorized"
                  },
                  "403": {
                    "$ref": "#/components/responses/Forbidden"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  },
                  "503": {
                    "$ref": "#/components/responses/Busy"
                  }
                }
              }
            },
            "/history": {
              "get": {
                "operationId": "history",
                "summary": "The last changes",
                "description": "The last changes, newest first; at most 50 are kept.",
                "tags": [
                  "views"
                ],
                "responses": {
                  "200": {
                    "description": "The changes.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/History"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "401": {
                    "$ref": "#/components/responses/Unauthorized"
                  },
                  "403": {
                    "$ref": "#/components/responses/Forbidden"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  },
                  "503": {
                    "$ref": "#/components/responses/Busy"
                  }
                },
                "parameters": [
                  {
                    "name": "limit",
                    "in": "query",
                    "description": "The most changes to return.",
                    "schema": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 50
                    }
                  }
                ]
              }
            },
            "/metrics": {
              "get": {
                "operationId": "metrics",
                "summary": "Metrics for Prometheus",
                "description": "Metrics in Prometheus's text format, version 0.0.4.",
                "tags": [
                  "views"
                ],
                "responses": {
                  "200": {
                    "description": "The metrics.",
                    "content": {
                      "text/plain": {
                        "schema": {
                          "type": "string"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "401": {
                    "$ref": "#/components/responses/Unauthorized"
                  },
                  "403": {
                    "$ref": "#/components/responses/Forbidden"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  },
                  "503": {
                    "$ref": "#/components/responses/Busy"
                  }
                }
              }
            },
            "/healthz": {
              "get": {
                "operationId": "healthz",
                "summary": "Liveness",
                "description": "For a liveness probe: answers 200 as long as the process lives.",
                "tags": [
                  "probes"
                ],
                "responses": {
                  "200": {
                    "description": "The process lives.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Alive"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  }
                },
                "security": []
              }
            },
            "/readyz": {
              "get": {
                "operationId": "readyz",
                "summary": "Readiness",
                "description": "For a readiness probe: answers 200 if the active color is healthy or the other one takes its calls (`failover`), and the process is not shutting down.",
                "tags": [
                  "probes"
                ],
                "responses": {
                  "200": {
                    "description": "The Proxy is ready for calls.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Ready"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  },
                  "503": {
                    "description": "The Proxy is not ready; the body says why.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  }
                },
                "security": []
              }
            },
            "/openapi.json": {
              "get": {
                "operationId": "openapi",
                "summary": "This document",
                "description": "The description of this API.",
                "tags": [
                  "views"
                ],
                "responses": {
                  "200": {
                    "description": "An OpenAPI 3.1 document.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "type": "object"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "401": {
                    "$ref": "#/components/responses/Unauthorized"
                  },
                  "403": {
                    "$ref": "#/components/responses/Forbidden"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  },
                  "503": {
                    "$ref": "#/components/responses/Busy"
                  }
                }
              }
            }
          },
          "components": {
            "securitySchemes": {
              "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "The content of `--admin-token-file`. Without that setting the API listens on the loopback only and needs no token."
              }
            },
            "responses": {
              "BadRequest": {
                "description": "A parameter, a header or the body is unknown, repeated, malformed or contradicts another one, or the request has a body that it doesn't take.",
                "content": {
                  "application/json": {
                    "schema": {
                      "$ref": "#/components/schemas/Error"
                    }
                  }
                }
              },
              "Unauthorized": {
                "description": "The token is missing or wrong.",
                "headers": {
                  "WWW-Authenticate": {
                    "schema": {
                      "type": "string"
                    }
                  }
                },
                "content": {
                  "application/json": {
                    "schema": {
                      "$ref": "#/components/schemas/Error"
                    }
                  }
                }
              },
              "Forbidden": {
                "description": "The request comes from a web page of another origin, or, without a token, its host is neither an IP address nor `localhost`.",
                "content": {
                  "application/json": {
                    "schema": {
                      "$ref": "#/components/schemas/Error"
                    }
                  }
                }
              },
              "TooLarge": {
                "description": "The request has a body of more than 64 KiB.",
                "content": {
                  "application/json": {
                    "schema": {
                      "$ref": "#/components/schemas/Error"
                    }
                  }
                }
              },
              "Late": {
                "description": "The request was not complete within 5 s. The connection closes.",
                "content": {
                  "application/json": {
                    "schema": {
                      "$ref": "#/components/schemas/Error"
                    }
                  }
                }
              },
              "HeadTooLarge": {
                "description": "The request's head has more than 16 KiB or 100 fields. The connection closes.",
                "content": {
                  "application/json": {
                    "schema": {
                      "$ref": "#/components/schemas/Error"
                    }
                  }
                }
              },
              "Busy": {
                "description": "Requests being answered take up all connections; only `/healthz` and `/readyz` are still served. The connection closes.",
                "headers": {
                  "Retry-After": {
                    "schema": {
                      "type": "integer"
                    }
                  }
                },
                "content": {
                  "application/json": {
                    "schema": {
                      "$ref": "#/components/schemas/Error"
                    }
                  }
                }
              }
            },
            "schemas": {
              "Color": {
                "type": "string",
                "enum": [
                  "blue",
                  "green"
                ]
              },
              "Time": {
                "type": "string",
                "format": "date-time",
                "description": "A time in UTC, to the millisecond.",
                "example": "2026-11-23T10:15:30.042Z"
              },
              "Health": {
                "type": "string",
                "enum": [
                  "unknown",
                  "healthy",
                  "unhealthy"
                ],
                "description": "`unknown` until the first check has ended."
              },
              "EndpointHealth": {
                "type": "object",
                "properties": {
                  "endpoint": {
                    "type": "string",
                    "description": "HOST:PORT or unix:PATH"
                  },
                  "state": {
                    "$ref": "#/components/schemas/Health"
                  },
                  "since": {
                    "$ref": "#/components/schemas/Time"
                  },
                  "last_check": {
                    "$ref": "#/components/schemas/Time"
                  },
                  "latency_ms": {
                    "type": "number",
                    "minimum": 0,
                    "description": "Duration of the slowest check in the last round, in milliseconds."
                  },
                  "last_error": {
                    "type": "string",
                    "description": "The latest failure; kept after a recovery."
                  },
                  "last_error_at": {
                    "$ref": "#/components/schemas/Time"
                  },
                  "consecutive_passes": {
                    "type": "integer",
                    "minimum": 0
                  },
                  "consecutive_failures": {
                    "type": "integer",
                    "minimum": 0
                  }
                },
                "required": [
                  "endpoint",
                  "state",
                  "since",
                  "consecutive_passes",
                  "consecutive_failures"
                ],
                "additionalProperties": false
              },
              "ColorHealth": {
                "type": "object",
                "properties": {
                  "color": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "state": {
                    "$ref": "#/components/schemas/Health"
                  },
                  "endpoints": {
                    "type": "array",
                    "items": {
                      "$ref": "#/components/schemas/EndpointHealth"
                    }
                  }
                },
                "required": [
                  "color",
                  "endpoints",
                  "state"
                ],
                "additionalProperties": false
              },
              "Drain": {
                "type": "object",
                "properties": {
                  "color": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "epoch": {
                    "type": "integer",
                    "minimum": 2,
                    "description": "The number of the change: the drain concerns calls that began before it."
                  },
                  "state": {
                    "type": "string",
                    "enum": [
                      "waiting",
                      "ending"
                    ],
                    "description": "`waiting` while the calls have time to end by themselves, then `ending`."
                  },
                  "started_at": {
                    "$ref": "#/components/schemas/Time"
                  },
                  "timeout": {
                    "type": "string",
                    "description": "The time that the calls have to end by themselves.",
                    "example": "1m"
                  },
                  "deadline": {
                    "$ref": "#/components/schemas/Time"
                  },
                  "ends_by": {
                    "$ref": "#/components/schemas/Time"
                  },
                  "seconds_left": {
                    "type": "number",
                    "minimum": 0,
                    "description": "Seconds until the Proxy begins to end calls."
                  },
                  "calls_left": {
                    "type": "integer",
                    "minimum": 0
                  }
                },
                "required": [
                  "color",
                  "epoch",
                  "state",
                  "started_at",
                  "timeout",
                  "deadline",
                  "seconds_left",
                  "calls_left"
                ],
                "additionalProperties": false,
                "description": "The drain of the color that is no longer active. `ends_by` is present only while calls are being ended, and says when the last one will have ended."
              },
              "CancelledDrain": {
                "type": "object",
                "properties": {
                  "audit_error": {
                    "type": "string",
                    "description": "Why this request is missing from the audit log; the drain was stopped nevertheless."
                  },
                  "calls_left": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "Number of calls that go on."
                  },
                  "cancelled": {
                    "const": true
                  },
                  "color": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "epoch": {
                    "type": "integer",
                    "minimum": 2
                  },
                  "who": {
                    "type": "string"
                  }
                },
                "required": [
                  "calls_left",
                  "cancelled",
                  "color",
                  "epoch",
                  "who"
                ],
                "additionalProperties": false
              },
              "Failover": {
                "type": "object",
                "properties": {
                  "to": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "since": {
                    "$ref": "#/components/schemas/Time"
                  }
                },
                "required": [
                  "since",
                  "to"
                ],
                "additionalProperties": false,
                "description": "The color that gets new calls because no endpoint of the active one is healthy."
              },
              "Preview": {
                "type": "object",
                "properties": {
                  "address": {
                    "type": "string"
                  },
                  "color": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "calls": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "Calls that have come by the listener, to either color."
                  }
                },
                "required": [
                  "address",
                  "calls",
                  "color"
                ],
                "additionalProperties": false,
                "description": "The listener whose calls go to the color that isn't active."
              },
              "Receipt": {
                "type": "object",
                "properties": {
                  "action": {
                    "type": "string",
                    "enum": [
                      "switch",
                      "rollback"
                    ]
                  },
                  "at": {
                    "$ref": "#/components/schemas/Time"
                  },
                  "audit_error": {
                    "type": "string",
                    "description": "Why this change is missing from the audit log; it was made nevertheless."
                  },
                  "changed": {
                    "type": "boolean"
                  },
                  "drain": {
                    "$ref": "#/components/schemas/Drain"
                  },
                  "drained": {
                    "type": "boolean",
                    "description": "Whether the old color has no calls left. Only with `wait`."
                  },
                  "dry_run": {
                    "type": "boolean",
                    "description": "`true` for a trial that would have changed something; otherwise left out."
                  },
                  "epoch": {
                    "type": "integer",
                    "minimum": 1
                  },
                  "forced": {
                    "type": "boolean"
                  },
                  "from": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "to": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "health": {
                    "$ref": "#/components/schemas/ColorHealth"
                  },
                  "in_flight": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "Number of calls left on the color that is no longer active."
                  },
                  "processes_not_answering": {
                    "type": "integer",
                    "minimum": 1,
                    "description": "Number of processes that this one has taken over from, that may still have such calls and don't answer."
                  },
                  "reason": {
                    "type": "string"
                  },
                  "who": {
                    "type": "string",
                    "description": "The token's name or the peer's address."
                  },
                  "release": {
                    "$ref": "#/components/schemas/Release"
                  }
                },
                "required": [
                  "action",
                  "at",
                  "changed",
                  "epoch",
                  "forced",
                  "from",
                  "to",
                  "health",
                  "in_flight",
                  "who"
                ],
                "additionalProperties": false,
                "description": "The outcome of a change."
              },
              "Change": {
                "type": "object",
                "properties": {
                  "action": {
                    "type": "string",
                    "enum": [
                      "initial",
                      "switch",
                      "rollback",
                      "release"
                    ]
                  },
                  "at": {
                    "$ref": "#/components/schemas/Time"
                  },
                  "epoch": {
                    "type": "integer",
                    "minimum": 1
                  },
                  "forced": {
                    "type": "boolean"
                  },
                  "from": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "to": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "reason": {
                    "type": "string"
                  },
                  "who": {
                    "type": "string"
                  }
                },
                "required": [
                  "action",
                  "at",
                  "epoch",
                  "forced",
                  "to",
                  "who"
                ],
                "additionalProperties": false
              },
              "History": {
                "type": "object",
                "properties": {
                  "changes": {
                    "type": "array",
                    "items": {
                      "$ref": "#/components/schemas/Change"
                    },
                    "minItems": 1,
                    "maxItems": 50
                  }
                },
                "required": [
                  "changes"
                ],
                "additionalProperties": false
              },
              "Status": {
                "type": "object",
                "properties": {
                  "active": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "previous": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "epoch": {
                    "type": "integer",
                    "minimum": 1
                  },
                  "since": {
                    "$ref": "#/components/schemas/Time"
                  },
                  "forced": {
                    "type": "boolean"
                  },
                  "reason": {
                    "type": "string"
                  },
                  "who": {
                    "type": "string"
                  },
                  "version": {
                    "type": "string"
                  },
                  "started_at": {
                    "$ref": "#/components/schemas/Time"
                  },
                  "stopping": {
                    "type": "boolean"
                  },
                  "drain": {
                    "$ref": "#/components/schemas/Drain"
                  },
                  "failover": {
                    "$ref": "#/components/schemas/Failover"
                  },
                  "audit": {
                    "type": "object",
                    "description": "The end of the audit log's chain.",
                    "properties": {
                      "line": {
                        "type": "integer",
                        "minimum": 0,
                        "description": "The number of the last line."
                      },
                      "head": {
                        "type": "string",
                        "pattern": "^[0-9a-f]{64}$",
                        "description": "Its SHA-256."
                      }
                    },
                    "required": [
                      "head",
                      "line"
                    ],
                    "additionalProperties": false
                  },
                  "events": {
                    "type": "object",
                    "description": "How events are delivered; only with `--on-event`.",
                    "properties": {
                      "sequence": {
                        "type": "integer",
                        "minimum": 0,
                        "description": "The number of the last event."
                      },
                      "waiting": {
                        "type": "integer",
                        "minimum": 0
                      },
                      "oldest": {
                        "$ref": "#/components/schemas/Time"
                      },
                      "delivered": {
                        "type": "integer",
                        "minimum": 0
                      },
                      "refused": {
                        "type": "integer",
                        "minimum": 0
                      },
                      "fallen_out": {
                        "type": "integer",
                        "minimum": 0
                      },
                      "last_error": {
                        "type": "string"
                      },
                      "file_error": {
                        "type": "string"
                      }
                    },
                    "required": [
                      "delivered",
                      "fallen_out",
                      "refused",
                      "sequence",
                      "waiting"
                    ],
                    "additionalProperties": false
                  },
                  "preview": {
                    "$ref": "#/components/schemas/Preview"
                  },
                  "release": {
                    "type": "object",
                    "properties": {
                      "release": {
                        "type": "integer",
                        "minimum": 1
                      },
                      "to": {
                        "$ref": "#/components/schemas/Color"
                      },
                      "share": {
                        "type": "string"
                      },
                      "step": {
                        "type": "integer",
                        "minimum": 1
                      },
                      "phase": {
                        "type": "string",
                        "enum": [
                          "running",
                          "paused"
                        ]
                      },
                      "paused": {
                        "type": "string"
                      },
                      "guard": {
                        "type": "boolean",
                        "description": "`true` in the guard, left out before."
                      }
                    },
                    "required": [
                      "phase",
                      "release",
                      "share",
                      "step",
                      "to"
                    ],
                    "additionalProperties": false,
                    "description": "The release under way."
                  },
                  "colors": {
                    "type": "object",
                    "properties": {
                      "blue": {
                        "$ref": "#/components/schemas/ColorStatus"
                      },
                      "green": {
                        "$ref": "#/components/schemas/ColorStatus"
                      }
                    },
                    "required": [
                      "blue",
                      "green"
                    ],
                    "additionalProperties": false
                  },
                  "in_flight": {
                    "type": "array",
                    "description": "Calls in flight, by the epoch and color that they began in.",
                    "items": {
                      "type": "object",
                      "properties": {
                        "epoch": {
                          "type": "integer",
                          "minimum": 0
                        },
                        "color": {
                          "$ref": "#/components/schemas/Color"
                        },
                        "calls": {
                          "type": "integer",
                          "minimum": 0
                        }
                      },
                      "required": [
                        "calls",
                        "color",
                        "epoch"
                      ],
                      "additionalProperties": false
                    }
                  },
                  "processes_not_answering": {
                    "type": "integer",
                    "minimum": 1,
                    "description": "Number of processes that this one has taken over from and that don't answer; their calls are counted as in their last answer."
                  },
                  "workers": {
                    "type": "array",
                    "items": {
                      "type": "object",
                      "properties": {
                        "accepted_connections": {
                          "type": "integer",
                          "minimum": 0
                        },
                        "calls_in_flight": {
                          "type": "integer",
                          "minimum": 0
                        },
                        "client_connections": {
                          "type": "integer",
                          "minimum": 0
                        }
                      },
                      "required": [
                        "accepted_connections",
                        "calls_in_flight",
                        "client_connections"
                      ],
                      "additionalProperties": false
                    }
                  },
                  "clients": {
                    "type": "object",
                    "properties": {
                      "largest_peer": {
                        "type": "string"
                      },
                      "largest_peer_connections": {
                        "type": "integer",
                        "minimum": 1
                      },
                      "peers": {
                        "type": "integer",
                        "minimum": 0
                      }
                    },
                    "required": [
                      "peers"
                    ],
                    "additionalProperties": false
                  }
                },
                "required": [
                  "active",
                  "audit",
                  "epoch",
                  "since",
                  "forced",
                  "who",
                  "version",
                  "started_at",
                  "stopping",
                  "colors",
                  "in_flight",
                  "workers",
                  "clients"
                ],
                "additionalProperties": false
              },
              "ColorStatus": {
                "type": "object",
                "properties": {
                  "active": {
                    "type": "boolean"
                  },
                  "state": {
                    "$ref": "#/components/schemas/Health"
                  },
                  "in_flight": {
                    "type": "integer",
                    "minimum": 0
                  },
                  "calls": {
                    "type": "object",
                    "properties": {
                      "started": {
                        "type": "integer",
                        "minimum": 0
                      },
                      "finished": {
                        "type": "integer",
                        "minimum": 0
                      },
                      "failed_by_proxy": {
                        "type": "integer",
                        "minimum": 0
                      },
                      "retried": {
                        "type": "integer",
                        "minimum": 0
                      },
                      "grpc_codes": {
                        "type": "object",
                        "description": "gRPC calls that have ended, by status; statuses that never occurred are left out.",
                        "additionalProperties": {
                          "type": "integer",
                          "minimum": 1
                        }
                      }
                    },
                    "required": [
                      "failed_by_proxy",
                      "finished",
                      "grpc_codes",
                      "retried",
                      "started"
                    ],
                    "additionalProperties": false
                  },
                  "bytes_up": {
                    "type": "integer",
                    "minimum": 0
                  },
                  "bytes_down": {
                    "type": "integer",
                    "minimum": 0
                  },
                  "upstream_connections": {
                    "type": "integer",
                    "minimum": 0
                  },
                  "endpoints": {
                    "type": "array",
                    "items": {
                      "$ref": "#/components/schemas/EndpointHealth"
                    },
                    "minItems": 1
                  }
                },
                "required": [
                  "active",
                  "bytes_down",
                  "bytes_up",
                  "calls",
                  "endpoints",
                  "in_flight",
                  "state",
                  "upstream_connections"
                ],
                "additionalProperties": false
              },
              "Alive": {
                "type": "object",
                "properties": {
                  "status": {
                    "const": "ok"
                  }
                },
                "required": [
                  "status"
                ],
                "additionalProperties": false
              },
              "Ready": {
                "type": "object",
                "properties": {
                  "status": {
                    "const": "ready"
                  },
                  "active": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "epoch": {
                    "type": "integer",
                    "minimum": 1
                  },
                  "failover": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "durable": {
                    "type": "boolean",
                    "description": "`false` while the state in force is not on disk, and would be lost by a crash; left out otherwise."
                  }
                },
                "required": [
                  "active",
                  "epoch",
                  "status"
                ],
                "additionalProperties": false
              },
              "Error": {
                "type": "object",
                "properties": {
                  "error": {
                    "type": "string"
                  },
                  "active": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "epoch": {
                    "type": "integer",
                    "minimum": 1
                  },
                  "health": {
                    "$ref": "#/components/schemas/ColorHealth"
                  },
                  "expected": {
                    "type": "string",
                    "description": "The version that the color should have been, if it doesn't say that it is."
                  },
                  "versions": {
                    "type": "array",
                    "description": "What each endpoint of the color says of its version, if that is why the change was refused; empty if they weren't asked.",
                    "items": {
                      "type": "object",
                      "properties": {
                        "endpoint": {
                          "type": "string"
                        },
                        "versions": {
                          "type": "array",
                          "items": {
                            "type": "string"
                          },
                          "description": "Usually one. Left out if the endpoint doesn't say."
                        },
                        "by": {
                          "type": "string",
                          "description": "The method, or the page, that has said so."
                        },
                        "error": {
                          "type": "string",
                          "description": "Why the endpoint doesn't say."
                        }
                      },
                      "required": [
                        "endpoint"
                      ],
                      "additionalProperties": false
                    }
                  }
                },
                "required": [
                  "error"
                ],
                "additionalProperties": false,
                "description": "The error in one sentence; for a refused change, also the current color and epoch."
              },
              "ReleasePlan": {
                "type": "object",
                "properties": {
                  "to": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "steps": {
                    "type": "array",
                    "maxItems": 50,
                    "description": "In order; the share never shrinks. Without steps the new color takes all calls at once.",
                    "items": {
                      "type": "object",
                      "properties": {
                        "canary": {
                          "type": "string",
                          "enum": [
                            "100%"
                          ],
                          "description": "The share of new calls that goes to the new color: `0.01%` to `100%`, with two decimals at most. The enumeration is an example; OpenAPI can't say that it never shrinks."
                        },
                        "shadow": {
                          "type": "string",
                          "enum": [
                            "10%",
                            "100%"
                          ],
                          "description": "In place of `canary`: the share of calls that is copied to the new color while the old one answers, and whose answers are compared: `0.01%` to `100%`. Before all canary steps. The enumeration is an example."
                        },
                        "for": {
                          "type": "string",
                          "pattern": "^[1-9][0-9]{0,3}(ms|s)$",
                          "description": "How long the step lasts: `1ms` to `168h`.",
                          "example": "60s"
                        }
                      },
                      "required": [
                        "for"
                      ],
                      "additionalProperties": false,
                      "description": "With `canary` or `shadow`, one of them."
                    }
                  },
                  "min_calls": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 1000000000,
                    "description": "Calls on the new color that a step, or the guard, needs before the release goes on; 20 by default."
                  },
                  "on_no_data": {
                    "type": "string",
                    "enum": [
                      "pause",
                      "continue",
                      "abort"
                    ],
                    "description": "What happens without them; `pause` by default."
                  },
                  "on_breach": {
                    "type": "string",
                    "enum": [
                      "rollback",
                      "pause"
                    ],
                    "description": "What happens when the new color is found to be worse; `rollback` by default."
                  },
                  "error_margin": {
                    "type": "string",
                    "enum": [
                      "0%",
                      "0.5%",
                      "2%"
                    ],
                    "description": "By how much the new color's share of failures may exceed the old one's: `0%` to `50%`; `0.5%` by default. The enumeration is an example."
                  },
                  "latency_margin": {
                    "type": "number",
                    "minimum": 1,
                    "maximum": 100,
                    "description": "By which factor the new color's time to first byte may be longer, and the duration of its unary calls; 1.25 by default."
                  },
                  "max_error_share": {
                    "type": "string",
                    "enum": [
                      "1%",
                      "5.5%"
                    ],
                    "description": "The share of failures that the new color may have, whatever the old one has. The enumeration is an example."
                  },
                  "max_p99": {
                    "type": "string",
                    "pattern": "^[1-9][0-9]{0,3}ms$",
                    "example": "250ms",
                    "description": "The 99th percentile that the duration of the new color's unary calls may have, or of other methods the time to first byte: `1ms` to `1m`."
                  },
                  "min_agreement": {
                    "type": "string",
                    "enum": [
                      "90%",
                      "99.5%"
                    ],
                    "description": "The share of the compared answers that have to agree. The enumeration is an example."
                  },
                  "tolerance": {
                    "type": "object",
                    "properties": {
                      "absolute": {
                        "type": "number",
                        "minimum": 0
                      },
                      "relative": {
                        "type": "number",
                        "minimum": 0,
                        "exclusiveMaximum": 1
                      }
                    },
                    "additionalProperties": false,
                    "description": "Distances at which two numbers are equal: in their own unit, and as a share of the larger one; 1e-6 each by default. Without types only the share counts."
                  },
                  "ignore": {
                    "type": "array",
                    "maxItems": 100,
                    "items": {
                      "type": "string",
                      "enum": [
                        "model_version",
                        "outputs[*].name"
                      ],
                      "description": "A path. The enumeration is an example."
                    },
                    "description": "Paths whose values may differ."
                  },
                  "noise": {
                    "type": "string",
                    "enum": [
                      "0%",
                      "10%"
                    ],
                    "description": "The share of the copied calls that the active color is asked a second time, if `--noise-methods` has their method; `10%` by default. The enumeration is an example."
                  },
                  "guard": {
                    "type": "string",
                    "pattern": "^[1-9][0-9]{0,3}(ms|s)$",
                    "example": "60s",
                    "description": "How long the new color is judged after it has got all calls: `1ms` to `168h`; not at all by default."
                  },
                  "judge_resource_exhausted": {
                    "type": "boolean",
                    "description": "Whether RESOURCE_EXHAUSTED is a failure; `false` by default."
                  },
                  "reason": {
                    "type": "string",
                    "maxLength": 500,
                    "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$"
                  },
                  "expect": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 200,
                    "pattern": "^[^@\\s\\x00-\\x1f\\x7f-\\x9f]+(@[^@\\s\\x00-\\x1f\\x7f-\\x9f]+)?$",
                    "example": "v1.1.0",
                    "description": "The version that every endpoint of the color has to say it is, `VERSION` or `MODEL@VERSION`, before the release begins."
                  }
                },
                "additionalProperties": false
              },
              "Breach": {
                "type": "object",
                "properties": {
                  "signal": {
                    "type": "string",
                    "description": "What is worse: `failures`, `time to first byte`, `duration`, `max_error_share`, `max_p99` or `min_agreement`."
                  },
                  "method": {
                    "type": "string"
                  },
                  "basis": {
                    "type": "string",
                    "description": "What it was compared with: `calls at the same time`, `keys at the same time`, `calls before`, `keys before`, `a key's own past` or `limit`."
                  },
                  "new_calls": {
                    "type": "integer",
                    "minimum": 0
                  },
                  "new_failures": {
                    "type": "integer",
                    "minimum": 0
                  },
                  "old_calls": {
                    "type": "integer",
                    "minimum": 0
                  },
                  "old_failures": {
                    "type": "integer",
                    "minimum": 0
                  },
                  "new_keys": {
                    "type": "integer",
                    "minimum": 0
                  },
                  "old_keys": {
                    "type": "integer",
                    "minimum": 0
                  },
                  "new_times": {
                    "type": "object",
                    "properties": {
                      "p50": {
                        "type": "number",
                        "minimum": 0
                      },
                      "p99": {
                        "type": "number",
                        "minimum": 0
                      }
                    },
                    "required": [
                      "p50",
                      "p99"
                    ],
                    "additionalProperties": false,
                    "description": "How long the new color's calls took, in seconds, where times are judged: upper bounds of the buckets of a factor of 1.25 in which they are counted."
                  },
                  "old_times": {
                    "type": "object",
                    "properties": {
                      "p50": {
                        "type": "number",
                        "minimum": 0
                      },
                      "p99": {
                        "type": "number",
                        "minimum": 0
                      }
                    },
                    "required": [
                      "p50",
                      "p99"
                    ],
                    "additionalProperties": false,
                    "description": "The same of the old color; left out where it has none."
                  },
                  "probability": {
                    "type": "number",
                    "minimum": 0,
                    "maximum": 1,
                    "description": "The chance that a color which isn't worse is ever found to be so by evidence as strong as this."
                  },
                  "strength": {
                    "type": "number",
                    "description": "The evidence's logarithm as a part of what a verdict needs: 1 and more suffices, and below 0 it speaks for the new color."
                  }
                },
                "required": [
                  "basis",
                  "method",
                  "new_calls",
                  "new_failures",
                  "new_keys",
                  "old_calls",
                  "old_failures",
                  "old_keys",
                  "probability",
                  "signal"
                ],
                "additionalProperties": false,
                "description": "The evidence that the new color is worse."
              },
              "Comparison": {
                "type": "object",
                "description": "What came out of the comparison of both colors' answers to the copied calls.",
                "properties": {
                  "types": {
                    "type": "string",
                    "description": "Where the types of the messages are known from: a file, `reflection`, or `none`, with why if there should be some."
                  },
                  "compared": {
                    "type": "integer",
                    "minimum": 0
                  },
                  "agreeing": {
                    "type": "integer",
                    "minimum": 0
                  },
                  "agreement": {
                    "type": "number",
                    "minimum": 0,
                    "maximum": 100,
                    "description": "In percent; left out before the first comparison."
                  },
                  "agreement_at_least": {
                    "type": "number",
                    "minimum": 0,
                    "maximum": 100,
                    "description": "The lower bound of the agreement in percent: wrong with a chance of 5 % at most, whenever one looks."
                  },
                  "given_up": {
                    "type": "object",
                    "additionalProperties": {
                      "type": "integer",
                      "minimum": 0
                    },
                    "description": "Copies that came to no comparison, by why."
                  },
                  "untyped": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "Calls whose answers differ in messages whose types aren't known: their paths are field numbers."
                  },
                  "statuses": {
                    "type": "array",
                    "items": {
                      "type": "object",
                      "properties": {
                        "active": {
                          "type": "string"
                        },
                        "other": {
                          "type": "string"
                        },
                        "calls": {
                          "type": "integer",
                          "minimum": 0
                        }
                      },
                      "required": [
                        "active",
                        "other",
                        "calls"
                      ],
                      "additionalProperties": false
                    }
                  },
                  "paths": {
                    "type": "array",
                    "description": "What differs, the most frequent path first.",
                    "items": {
                      "type": "object",
                      "properties": {
                        "method": {
                          "type": "string"
                        },
                        "path": {
                          "type": "string"
                        },
                        "calls": {
                          "type": "integer",
                          "minimum": 0
                        },
                        "compared": {
                          "type": "integer",
                          "minimum": 0
                        },
                        "values": {
                          "type": "integer",
                          "minimum": 0
                        },
                        "largest_difference": {
                          "type": "number"
                        },
                        "mean_difference": {
                          "type": "number"
                        },
                        "repeats_differing": {
                          "type": "integer",
                          "minimum": 0
                        },
                        "repeated": {
                          "type": "integer",
                          "minimum": 0
                        },
                        "noise": {
                          "type": "boolean",
                          "description": "Whether the path differs by nature, and isn't counted."
                        }
                      },
                      "required": [
                        "method",
                        "path",
                        "calls",
                        "compared",
                        "values",
                        "repeats_differing",
                        "repeated",
                        "noise"
                      ],
                      "additionalProperties": false
                    }
                  },
                  "latencies": {
                    "type": "object",
                    "properties": {
                      "active": {
                        "type": "object",
                        "properties": {
                          "mean": {
                            "type": "number"
                          },
                          "p50": {
                            "type": "number"
                          },
                          "p99": {
                            "type": "number"
                          }
                        },
                        "required": [
                          "mean",
                          "p50",
                          "p99"
                        ],
                        "additionalProperties": false
                      },
                      "other": {
                        "type": "object",
                        "properties": {
                          "mean": {
                            "type": "number"
                          },
                          "p50": {
                            "type": "number"
                          },
                          "p99": {
                            "type": "number"
                          }
                        },
                        "required": [
                          "mean",
                          "p50",
                          "p99"
                        ],
                        "additionalProperties": false
                      }
                    },
                    "required": [
                      "active",
                      "other"
                    ],
                    "additionalProperties": false,
                    "description": "In seconds; left out before the first comparison."
                  },
                  "disagreements": {
                    "type": "array",
                    "maxItems": 20,
                    "description": "The last ones.",
                    "items": {
                      "type": "object",
                      "properties": {
                        "method": {
                          "type": "string"
                        },
                        "at": {
                          "$ref": "#/components/schemas/Time"
                        },
                        "paths": {
                          "type": "integer",
                          "minimum": 0
                        },
                        "examples": {
                          "type": "array",
                          "items": {
                            "type": "object",
                            "properties": {
                              "path": {
                                "type": "string"
                              },
                              "message": {
                                "type": "integer",
                                "minimum": 0
                              },
                              "active": {
                                "type": "string"
                              },
                              "other": {
                                "type": "string"
                              }
                            },
                            "required": [
                              "path",
                              "message",
                              "active",
                              "other"
                            ],
                            "additionalProperties": false
                          }
                        }
                      },
                      "required": [
                        "method",
                        "at",
                        "paths",
                        "examples"
                      ],
                      "additionalProperties": false
                    }
                  }
                },
                "required": [
                  "compared",
                  "agreeing",
                  "agreement_at_least",
                  "given_up",
                  "untyped",
                  "statuses",
                  "paths",
                  "disagreements"
                ],
                "additionalProperties": false
              },
              "Release": {
                "type": "object",
                "properties": {
                  "release": {
                    "type": "integer",
                    "minimum": 1,
                    "description": "The release's number: the epoch that its beginning made."
                  },
                  "plan": {
                    "type": "object",
                    "properties": {
                      "to": {
                        "$ref": "#/components/schemas/Color"
                      },
                      "steps": {
                        "type": "array",
                        "items": {
                          "type": "object",
                          "properties": {
                            "canary": {
                              "type": "string",
                              "pattern": "^[0-9]{1,3}(\\.[0-9]{1,2})?%$"
                            },
                            "shadow": {
                              "type": "string",
                              "pattern": "^[0-9]{1,3}(\\.[0-9]{1,2})?%$"
                            },
                            "for": {
                              "type": "string"
                            }
                          },
                          "required": [
                            "for"
                          ],
                          "additionalProperties": false
                        }
                      },
                      "min_calls": {
                        "type": "integer"
                      },
                      "on_no_data": {
                        "type": "string"
                      },
                      "reason": {
                        "type": "string"
                      },
                      "on_breach": {
                        "type": "string"
                      },
                      "error_margin": {
                        "type": "number",
                        "description": "In percent."
                      },
                      "latency_margin": {
                        "type": "number"
                      },
                      "max_error_share": {
                        "type": "number",
                        "description": "In percent."
                      },
                      "max_p99": {
                        "type": "number",
                        "description": "In seconds."
                      },
                      "guard": {
                        "type": "string"
                      },
                      "judge_resource_exhausted": {
                        "type": "boolean"
                      },
                      "min_agreement": {
                        "type": "number",
                        "description": "In percent."
                      },
                      "tolerance": {
                        "type": "object",
                        "properties": {
                          "absolute": {
                            "type": "number"
                          },
                          "relative": {
                            "type": "number"
                          }
                        },
                        "required": [
                          "absolute",
                          "relative"
                        ],
                        "additionalProperties": false
                      },
                      "ignore": {
                        "type": "array",
                        "items": {
                          "type": "string"
                        }
                      },
                      "noise": {
                        "type": "number",
                        "description": "In percent."
                      },
                      "expect": {
                        "type": "string"
                      }
                    },
                    "required": [
                      "error_margin",
                      "latency_margin",
                      "min_calls",
                      "on_breach",
                      "on_no_data",
                      "steps",
                      "to"
                    ],
                    "additionalProperties": false
                  },
                  "from": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "to": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "started_at": {
                    "$ref": "#/components/schemas/Time"
                  },
                  "who": {
                    "type": "string"
                  },
                  "forced": {
                    "type": "boolean"
                  },
                  "phase": {
                    "type": "string",
                    "enum": [
                      "running",
                      "paused",
                      "ended"
                    ]
                  },
                  "paused": {
                    "type": "string",
                    "enum": [
                      "asked",
                      "no_data",
                      "health",
                      "breach",
                      "failover",
                      "away"
                    ],
                    "description": "Why it is paused: somebody asked; the step had too few calls; a color isn't healthy; the new color is worse; calls fail over; the Proxy was away for longer than the step takes."
                  },
                  "outcome": {
                    "type": "string",
                    "enum": [
                      "done",
                      "aborted",
                      "rolled_back"
                    ],
                    "description": "`aborted` by somebody, or for want of calls; `rolled_back` as the new color was worse."
                  },
                  "ended_at": {
                    "$ref": "#/components/schemas/Time"
                  },
                  "step": {
                    "type": "integer",
                    "minimum": 1,
                    "description": "From 1; one more than there are steps in the guard."
                  },
                  "share": {
                    "type": "string",
                    "pattern": "^[0-9]{1,3}(\\.[0-9]{1,2})?%$"
                  },
                  "seconds_left": {
                    "type": "number",
                    "minimum": 0,
                    "description": "Until the step's time is up."
                  },
                  "next": {
                    "type": "string",
                    "description": "What comes then."
                  },
                  "steps": {
                    "type": "array",
                    "description": "What each step so far has seen, the guard as the last one.",
                    "items": {
                      "type": "object",
                      "properties": {
                        "step": {
                          "type": "integer",
                          "minimum": 1
                        },
                        "canary": {
                          "type": "string",
                          "pattern": "^[0-9]{1,3}(\\.[0-9]{1,2})?%$"
                        },
                        "started_at": {
                          "$ref": "#/components/schemas/Time"
                        },
                        "ended_at": {
                          "$ref": "#/components/schemas/Time"
                        },
                        "canary_calls": {
                          "type": "integer",
                          "minimum": 0
                        },
                        "control_calls": {
                          "type": "integer",
                          "minimum": 0
                        },
                        "fallen_back": {
                          "type": "integer",
                          "minimum": 0
                        },
                        "share_met": {
                          "type": "number",
                          "minimum": 0,
                          "maximum": 100,
                          "description": "Percent of the calls that began on the new color."
                        },
                        "guard": {
                          "type": "string",
                          "description": "In place of `canary`: this is the guard, which lasts so long."
                        },
                        "shadow": {
                          "type": "string",
                          "pattern": "^[0-9]{1,3}(\\.[0-9]{1,2})?%$",
                          "description": "In place of `canary`: the share of calls that is copied."
                        },
                        "comparison": {
                          "$ref": "#/components/schemas/Comparison"
                        },
                        "canary_keys": {
                          "type": "integer",
                          "minimum": 0,
                          "description": "Keys that were seen on the new color; left out where calls are drawn by lot."
                        },
                        "control_keys": {
                          "type": "integer",
                          "minimum": 0,
                          "description": "Keys that were seen on the old color."
                        },
                        "new": {
                          "allOf": [
                            {
                              "$ref": "#/components/schemas/ReleaseSide"
                            }
                          ],
                          "description": "The new color's; left out before any call has ended, and in a shadow step."
                        },
                        "old": {
                          "allOf": [
                            {
                              "$ref": "#/components/schemas/ReleaseSide"
                            }
                          ],
                          "description": "The old color's: in the guard what it served in the minutes before."
                        }
                      },
                      "required": [
                        "canary_calls",
                        "control_calls",
                        "fallen_back",
                        "started_at",
                        "step"
                      ],
                      "additionalProperties": false
                    }
                  },
                  "epoch": {
                    "type": "integer",
                    "minimum": 1
                  },
                  "audit_error": {
                    "type": "string",
                    "description": "Why something is missing: the line in the audit log, or, after a return, the state on disk."
                  },
                  "breach": {
                    "$ref": "#/components/schemas/Breach"
                  },
                  "verdict": {
                    "type": "object",
                    "properties": {
                      "worse": {
                        "type": "boolean"
                      },
                      "strongest": {
                        "$ref": "#/components/schemas/Breach"
                      }
                    },
                    "required": [
                      "worse"
                    ],
                    "additionalProperties": false,
                    "description": "The verdict so far, while the release is under way: whether the new color was found to be worse, and the strongest evidence against it, whether or not it suffices."
                  }
                },
                "required": [
                  "epoch",
                  "forced",
                  "from",
                  "phase",
                  "plan",
                  "release",
                  "share",
                  "started_at",
                  "steps",
                  "to",
                  "who"
                ],
                "additionalProperties": false,
                "description": "A release: its plan, how far it is, and what its steps have seen."
              },
              "Releases": {
                "type": "object",
                "properties": {
                  "releases": {
                    "type": "array",
                    "maxItems": 10,
                    "items": {
                      "$ref": "#/components/schemas/Release"
                    }
                  }
                },
                "required": [
                  "releases"
                ],
                "additionalProperties": false
              },
              "ReleaseSide": {
                "type": "object",
                "description": "What the calls of one color have come to in a step, of all methods together.",
                "properties": {
                  "calls": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "Calls that have ended and count."
                  },
                  "failures": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "Those of them that failed by the color's fault."
                  },
                  "first_byte": {
                    "type": "object",
                    "properties": {
                      "p50": {
                        "type": "number",
                        "minimum": 0
                      },
                      "p99": {
                        "type": "number",
                        "minimum": 0
                      }
                    },
                    "required": [
                      "p50",
                      "p99"
                    ],
                    "additionalProperties": false,
                    "description": "Times to first byte in seconds, as upper bounds of the buckets of a factor of 1.25 in which they are counted; left out without any."
                  },
                  "duration": {
                    "type": "object",
                    "properties": {
                      "p50": {
                        "type": "number",
                        "minimum": 0
                      },
                      "p99": {
                        "type": "number",
                        "minimum": 0
                      }
                    },
                    "required": [
                      "p50",
                      "p99"
                    ],
                    "additionalProperties": false,
                    "description": "The same of the duration of unary calls."
                  }
                },
                "required": [
                  "calls",
                  "failures"
                ],
                "additionalProperties": false
              }
            }
          }
        }

        """#
}
