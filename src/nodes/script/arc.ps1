# Arc integration. Onboarding and its removal take minutes: the task is started here and watched by probes.

function Invoke-InitializeArcIntegration {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments -Texts @(
        'appId', 'secret', 'keyId', 'tenantId', 'subscriptionId', 'region', 'resourceGroup', 'cloud'
    )
    $parameters = @{
        ApplicationId          = $Arguments.appId
        ServicePrincipalSecret = $Arguments.secret
        TenantId               = $Arguments.tenantId
        SubscriptionId         = $Arguments.subscriptionId
        Location               = $Arguments.region
        ResourceGroup          = $Arguments.resourceGroup
    }
    $command = Get-Command -Name 'Initialize-AzureStackHCIArcIntegration' -ErrorAction Stop
    if ($command.Parameters.Keys -contains 'Cloud') {
        $parameters.Cloud = $Arguments.cloud
    }
    elseif ($Arguments.cloud -ne 'AzurePublicCloud') {
        Stop-Operation -Id 'CloudNotSupported' -Message "This build's Initialize-AzureStackHCIArcIntegration knows the public cloud only."
    }
    $null = Initialize-AzureStackHCIArcIntegration @parameters -ErrorAction Stop
    # The cmdlets do not tell which secret the cluster holds.
    Set-Record -Name 'ArcSecret' -Value @{ appId = $Arguments.appId; keyId = $Arguments.keyId }
    return @{}
}

function Invoke-ClearArcIntegration {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments -Flags @('setDisableInProgress')
    # Looks before: the cmdlet refuses what a repetition would meet.
    $found = Get-AzureStackHCIArcIntegration -ErrorAction Stop
    $status = "$($found.ClusterArcStatus)"
    if ($status -eq 'Disabled' -or ($Arguments.setDisableInProgress -and $status -eq 'DisableInProgress')) {
        return @{}
    }
    $parameters = @{}
    if ($Arguments.setDisableInProgress) {
        $parameters.SetDisableInProgress = $true
    }
    $null = Clear-AzureStackHCIArcIntegration @parameters -ErrorAction Stop
    return @{}
}

# Removes the agent's registration and the agent from this node.
function Invoke-DisableArcIntegration {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    $arc = Get-ArcIntegration -Commands @('Get-AzureStackHCIArcIntegration')
    if ($arc.clusterArcStatus -eq 'Disabled' -or $arc.nodesArcStatus["$env:COMPUTERNAME"] -eq 'Disabled') {
        return @{}
    }
    $directory = 'C:\Windows\Tasks\ArcForServers'
    if (-not (Test-Path -Path $directory)) {
        $null = New-Item -Path $directory -ItemType Directory -ErrorAction Stop
    }
    $parameters = @{
        AgentUninstallerLogFile = "$directory\ConnectedMachineAgentUninstallationLog.txt"
        AgentInstallerName      = "$directory\AzureConnectedMachineAgent.msi"
        AgentExecutablePath     = $agentPath
    }
    $null = Disable-AzureStackHCIArcIntegration @parameters -ErrorAction Stop
    return @{}
}

# The clustered task, or null.
function Get-ClusteredArcTask {
    return @(Get-ClusteredScheduledTask -ErrorAction Stop | Where-Object { $_.TaskName -eq $taskName })[0]
}

# Every node runs it once a day and then every hour, so it also onboards nodes that join the cluster later.
function Invoke-RegisterArcRegistrationTask {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    if ($null -ne (Get-ClusteredArcTask)) {
        return @{}
    }
    $action = @{
        Execute  = 'C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe'
        Argument = "-NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand $arcRegistrationTask"
    }
    $now = Get-Date
    $daily = New-ScheduledTaskTrigger -Daily -At $now -ErrorAction Stop
    # A daily trigger takes no repetition of its own; this is the documented way to give it one.
    $interval = New-TimeSpan -Hours 1
    $duration = New-TimeSpan -Hours 23 -Minutes 55
    $hourly = New-ScheduledTaskTrigger -Once -At $now -RepetitionInterval $interval -RepetitionDuration $duration -ErrorAction Stop
    $daily.Repetition = $hourly.Repetition
    $task = @{
        TaskName = $taskName
        TaskType = 'ClusterWide'
        Action   = New-ScheduledTaskAction @action -ErrorAction Stop
        Trigger  = $daily
    }
    $null = Register-ClusteredScheduledTask @task -ErrorAction Stop
    return @{}
}

function Invoke-UnregisterArcRegistrationTask {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    if ($null -ne (Get-ClusteredArcTask)) {
        $null = Unregister-ClusteredScheduledTask -TaskName $taskName -ErrorAction Stop
    }
    return @{}
}

function Invoke-StartArcRegistrationTask {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    $task = Get-ArcTask
    if ($null -eq $task) {
        Stop-Operation -Id 'ArcRegistrationTaskNotFound' -Message "There is no scheduled task $taskName on this node yet."
    }
    $null = Start-ScheduledTask -InputObject $task -ErrorAction Stop
    return @{}
}
