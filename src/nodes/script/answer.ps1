# How the script answers: values as the contract (src/nodes/operations.ts) wants them, errors, the frame.

$contractVersion = 1
$scriptRelease = '1.0.0'
$longestText = 4096

function Get-BoundedText {
    param($Value)
    $text = "$Value"
    if ($text.Length -gt $longestText) {
        return $text.Substring(0, $longestText)
    }
    return $text
}

# A text or the name of an enumeration's value. Nothing and empty are null.
function Get-OptionalText {
    param($Value)
    $text = Get-BoundedText -Value $Value
    if ($text -eq '') {
        return $null
    }
    return $text
}

# UTC, ISO 8601. Windows says "never" with a date long before this product, and the agent with the year 1.
function Get-OptionalInstant {
    param($Value)
    if ("$Value" -eq '') {
        return $null
    }
    if ($Value -is [string]) {
        # The agent writes more digits than a date takes.
        $Value = $Value -replace '\.[0-9]+', ''
    }
    $instant = ([datetime]$Value).ToUniversalTime()
    if ($instant.Year -lt 2000) {
        return $null
    }
    return $instant.ToString('o')
}

# An error of the script itself. A thrown hashtable reaches the catch block as the record's TargetObject.
function Stop-Operation {
    param($Id, $Message)
    throw @{ hciregErrorId = $Id; message = $Message }
}

# The arguments are exactly these texts and flags. The controller has checked them; whoever else holds the key has not.
function Assert-Arguments {
    param($Arguments, $Texts = @(), $Flags = @())
    $given = @($Arguments.PSObject.Properties | ForEach-Object { $_.Name })
    foreach ($name in $given) {
        if ($name -notin ($Texts + $Flags)) {
            Stop-Operation -Id 'InvalidArguments' -Message 'The operation has no argument of a name that was given.'
        }
    }
    foreach ($name in $Texts) {
        if ($Arguments.$name -isnot [string]) {
            Stop-Operation -Id 'InvalidArguments' -Message "The argument $name is missing or no text."
        }
    }
    foreach ($name in $Flags) {
        if ($Arguments.$name -isnot [bool]) {
            Stop-Operation -Id 'InvalidArguments' -Message "The argument $name is missing or neither true nor false."
        }
    }
}

# Cmdlets may repeat a parameter's value in their message.
function Hide-Secret {
    param($Text, $Arguments)
    if ($null -eq $Arguments) {
        return $Text
    }
    foreach ($property in $Arguments.PSObject.Properties) {
        if ($property.Name -match 'secret' -and "$($property.Value)" -ne '') {
            $Text = $Text.Replace("$($property.Value)", '(redacted)')
        }
    }
    return $Text
}

function Get-Failure {
    param($Record, $Arguments)
    $own = $Record.TargetObject
    if ($own -is [hashtable] -and $null -ne $own.hciregErrorId) {
        return @{
            message  = Get-BoundedText -Value $own.message
            id       = $own.hciregErrorId
            reason   = 'InvalidOperationException'
            position = ''
        }
    }
    $message = "$($Record.Exception.Message)"
    # The registration cmdlets put what Azure said here.
    $detail = "$($Record.Exception.InnerException.Detail.Error)"
    if ($detail -ne '' -and $detail -ne $message) {
        $message = "$message $detail"
    }
    $position = "$($Record.InvocationInfo.PositionMessage)"
    return @{
        message  = Get-BoundedText -Value (Hide-Secret -Text $message -Arguments $Arguments)
        id       = Get-BoundedText -Value (Hide-Secret -Text "$($Record.FullyQualifiedErrorId)" -Arguments $Arguments)
        reason   = Get-BoundedText -Value $Record.CategoryInfo.Reason
        position = Get-BoundedText -Value (Hide-Secret -Text $position -Arguments $Arguments)
    }
}

# Pure ASCII: no code page on the way can change it. A match evaluator would not be allowed under constrained language.
function Get-AsciiJson {
    param($Value)
    $json = ConvertTo-Json -InputObject $Value -Depth 6 -Compress
    while ($json -cmatch '[^\x20-\x7e]') {
        $character = $Matches[0]
        $json = $json.Replace($character, ('\u{0:x4}' -f [int][char]$character))
    }
    return $json
}

function Write-Answer {
    param($Operation, $Result, $Failure)
    $answer = @{ v = $contractVersion; op = $Operation }
    if ($null -eq $Failure) {
        $answer.ok = $true
        $answer.result = $Result
    }
    else {
        $answer.ok = $false
        $answer.error = $Failure
    }
    $json = Get-AsciiJson -Value $answer
    Write-Output -InputObject "<<<HCIREG${json}HCIREG>>>"
}

# The Application log may be full, or the source not be there (nothing is installed): the operation counts, not its trace.
function Write-Audit {
    param($Operation, $CorrelationId, $Failure)
    $caller = "$CorrelationId" -replace '[^A-Za-z0-9._-]', ''
    if ($caller.Length -gt 64) {
        $caller = $caller.Substring(0, 64)
    }
    $entry = @{ LogName = 'Application'; Source = 'HciRegistration'; EventId = 1; EntryType = 'Information' }
    $entry.Message = "Operation $Operation succeeded. Correlation id: $caller. Script release: $scriptRelease."
    if ($null -ne $Failure) {
        $entry.EventId = 2
        $entry.EntryType = 'Warning'
        $entry.Message = "Operation $Operation failed with $($Failure.id). Correlation id: $caller. Script release: $scriptRelease."
    }
    try {
        Write-EventLog @entry -ErrorAction Stop
    }
    catch {
        $null = $_
    }
}
