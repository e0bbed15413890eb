"""Uses the agent at AGENT with OpenAI's own client.

Exits with a traceback if a check fails.
"""

import os

import openai

client = openai.OpenAI(base_url=os.environ["AGENT"] + "/v1", api_key="none", max_retries=0)
QUESTION = [{"role": "user", "content": "What is a drain?"}]


def read(stream):
    """Returns the text, the finish reason, and the end of a stream."""
    text, reason, end = "", None, None
    for chunk in stream:
        [choice] = chunk.choices
        assert reason is None, "nothing comes after the end"
        text += choice.delta.content or ""
        reason, end = choice.finish_reason, getattr(chunk, "end", None)
    return text, reason, end


models = [model.id for model in client.models.list()]
assert models == ["agent", "agent-embedding"], models

whole = client.chat.completions.create(model="agent", messages=QUESTION, max_tokens=20)
assert whole.usage.completion_tokens == 20, whole
with client.chat.completions.create(model="agent", messages=QUESTION, max_tokens=20, stream=True) as stream:
    text, reason, end = read(stream)
assert (reason, end) == ("length", "complete"), (reason, end)
assert text == whole.choices[0].message.content, text

# By default the client requests base64, and decodes it.
embedded = client.embeddings.create(model="agent-embedding", input=["a drain", "a tomato"])
numbers = client.embeddings.create(model="agent-embedding", input="a drain", encoding_format="float")
assert len(embedded.data) == 2 and len(embedded.data[0].embedding) == 1024, embedded
for ours, theirs in zip(numbers.data[0].embedding, embedded.data[0].embedding, strict=True):
    assert abs(ours - theirs) < 1e-6

try:
    client.chat.completions.create(model="agent", messages=[])
except openai.BadRequestError as error:
    assert error.param == "messages" and "last message" in error.message, error
else:
    raise AssertionError("a question without words was answered")

# An answer of 5 s, of which the agent has time for 2 s.
stream = client.chat.completions.create(model="agent", messages=QUESTION, max_tokens=1000, stream=True)
first = next(stream)
print("under way", first.id, flush=True)
text, reason, end = read(stream)
assert (reason, end) == ("length", "shutdown"), (reason, end)
print("text", text, flush=True)
